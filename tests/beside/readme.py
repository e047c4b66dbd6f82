"""The commands that the README of `fustor-driver` has for those who install beside an agent."""

import re

from repository import ROOT

_README = ROOT / "packages" / "fustor-driver" / "README.md"


def documented(release):
    """The command that installs the drivers of this project beside a release."""
    found = re.findall(
        rf"^    (python -m pip install .*fustor-agent=={release} .*)$", _README.read_text(), re.MULTILINE
    )
    (command,) = found
    return command
