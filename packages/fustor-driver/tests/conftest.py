import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SUPPORT, INSTALLED = TESTS / "support", TESTS / "installed"
sys.path.insert(0, str(SUPPORT))


@pytest.fixture
def log():
    from fustor_try.worlds import LogWorld  # noqa: PLC0415 - importable once the line above has run

    with LogWorld() as world:
        yield world


@pytest.fixture
def installed(monkeypatch):
    """The test drivers are an installed distribution: their metadata is found as that of any other."""
    monkeypatch.syspath_prepend(INSTALLED)


@pytest.fixture
def environ():
    """The environment of a process in which the test drivers are installed."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (SUPPORT, INSTALLED)))}


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    """The process knows no secret of another test, which would be hidden wherever its text comes."""
    monkeypatch.setattr("fustor_driver.redaction.REDACTOR._secrets", set())
    monkeypatch.setattr("fustor_driver.redaction.REDACTOR._known", None)
