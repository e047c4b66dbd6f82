"""A driver that was written by hand, `fustor-source-tape`, in the forms that packages come in."""

from collections.abc import Mapping
from pathlib import Path

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "fustor-source-tape"
version = "2.0"
description = "Reads tapes"
license = "MIT"
requires-python = ">=3.11"
authors = [{ name = "The tape people", email = "tape@example.org" }]
dependencies = ["fustor-core", "fustor-event-model>=1", "pyserial>=3"]

[project.entry-points."fustor_agent.drivers.sources"]
tape = "fustor_source_tape.reader:TapeReader"
"""
READER = """\
from fustor_core.drivers import SourceDriver


class TapeReader(SourceDriver):
    @property
    def is_transient(self):
        return True
"""
SETUP_CFG = """\
[metadata]
name = fustor-source-tape
version = 2.0
description = Reads tapes
license = MIT

[options]
python_requires = >=3.11
install_requires =
    fustor-core
    pyserial>=3

[options.entry_points]
fustor_agent.drivers.sources =
    tape = fustor_source_tape.reader:TapeReader
"""
CORE_METADATA = """\
Metadata-Version: 2.4
Name: fustor-source-tape
Version: 2.0
Summary: Reads tapes
License-Expression: MIT
Requires-Python: >=3.11
Requires-Dist: fustor-core
Requires-Dist: pyserial>=3
Requires-Dist: pytest; extra == "dev"

A text.
"""
ENTRY_POINTS = "[fustor_agent.drivers.sources]\ntape = fustor_source_tape.reader:TapeReader\n"
POINT = '[project.entry-points."fustor_agent.drivers.sources"]\ntape = "fustor_source_tape.reader:TapeReader"\n'
PUSHER = '[project.entry-points."fustor.drivers.pushers"]\npunch = "fustor_source_tape.reader:Punch"\n'


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files by their paths below a folder, which is returned."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
