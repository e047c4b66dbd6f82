"""What runs inside the environment of a distribution: its packages are imported and its entry points loaded.

It needs nothing but the standard library: the environment has the distribution, and what that requires.
"""

import json
import sys
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

__all__ = ["main"]

_NEEDS_EXTRA = {"fustor.conformance.worlds"}
"""Groups of entry points that are for tests: what they load needs the extra `test`."""


def main(name: str, stage: str) -> None:
    """Print, as JSON, what was imported and loaded, and which commands there are.

    Args:
        name: of the distribution.
        stage: `alone`, or `test` where its extra for tests is installed too.
    """
    own = distribution(name)
    packages = sorted({file.parts[0] for file in own.files or () if file.parts[1:] == ("__init__.py",)})
    for package in packages:
        where = Path(str(import_module(package).__file__))
        if not where.is_relative_to(sys.prefix):
            sys.exit(f"{package} was imported from {str(where)!r}, not from its environment")
    points = [one for one in own.entry_points if one.group != "console_scripts"]
    now = [one for one in points if (one.group in _NEEDS_EXTRA) == (stage == "test")]
    for one in now:
        one.load()
    found = {
        "version": own.version,
        "imported": packages,
        "loaded": [f"{one.group}:{one.name}" for one in now],
        "commands": sorted(one.name for one in own.entry_points if one.group == "console_scripts"),
        "waits_for_extra": any(one.group in _NEEDS_EXTRA for one in points) and stage == "alone",
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
