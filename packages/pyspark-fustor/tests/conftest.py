"""A real server with a table to read and a schema to write, a Spark session, and applications of their own."""

import importlib
import os
import shutil
import sys
import uuid
from pathlib import Path

import pytest

from fustor_testing_postgres import shared_server

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode leaves it alone

from spark_support import PASSWORD, Application, Database

TRY = Path(__file__).parents[2] / "fustor-driver" / "tests"  # has drivers to try hosts with


def pytest_configure(config: pytest.Config) -> None:
    """Know the markers, wherever pytest is started."""
    config.addinivalue_line("markers", "engines: drivers under Spark, Meltano or Airbyte (minutes)")
    config.addinivalue_line("markers", "full: the long form, run before a release")


@pytest.fixture(scope="session")
def java():
    """Spark runs in a Java virtual machine."""
    if shutil.which("java") is None:
        pytest.skip("Java is not installed; on Debian: apt-get install openjdk-17-jre-headless")


@pytest.fixture(scope="session")
def secret():
    """The password of the tests' own user, which stands in the environment and nowhere else."""
    os.environ[PASSWORD] = f"geheim-{uuid.uuid4().hex}"
    return os.environ[PASSWORD]


@pytest.fixture(scope="session")
def server():
    """A private server."""
    return shared_server()


@pytest.fixture
def blabbing(monkeypatch):
    """The module of two drivers that are installed: a test changes what they do."""
    for folder in ("support", "installed"):
        monkeypatch.syspath_prepend(TRY / folder)
    return importlib.import_module("fustor_try.blabbing")


@pytest.fixture
def database(server, secret):
    """A database of the test's own."""
    database = Database(server, f"spark_{uuid.uuid4().hex[:8]}", secret)
    yield database
    database.close()


@pytest.fixture
def application(java, tmp_path):
    """Call it with the job to start."""
    del java
    started = []

    def start(**job):
        started.append(Application(tmp_path, **job))
        return started[-1]

    yield start
    for one in started:
        one.kill()
