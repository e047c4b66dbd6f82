"""The simulators drive the drivers that the guide host is tried on too: those of `fustor-driver`'s tests."""

import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[3]
sys.path[:0] = [str(Path(__file__).parent), str(PACKAGES / "fustor-driver" / "tests" / "support")]


@pytest.fixture
def log():
    from fustor_try.worlds import LogWorld  # noqa: PLC0415 - importable once the line above has run

    with LogWorld() as world:
        yield world
