"""Released agents beside the reference drivers, and the view of one."""

import itertools

import pytest
from hosts.building import build_environment
from hosts.ends import new_server
from hosts.fusion import Fusion
from sharing import folder_of_run, once

from fustor_conformance.agents.released import Agent
from fustor_conformance.rules import Profile

_PROFILES = {"0.8.17": Profile.AGENT_0_8, "0.2.16": Profile.AGENT_0_2}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Let every report of a test say what the test proves, even if a fixture fails."""
    item.user_properties += [("proves", list(mark.args)) for mark in item.iter_markers("proves")]


@pytest.fixture(scope="session")
def python_of(wheels, tmp_path_factory):
    """A function that gives the interpreter of a release's environment."""
    base = folder_of_run(tmp_path_factory)

    def find(version):
        folder = once(base, f"agent-{version}", lambda draft: build_environment(draft, version, wheels))
        return folder / "bin" / "python"

    return find


@pytest.fixture(scope="session")
def new_agent(python_of, tmp_path_factory):
    """A function that gives an agent of a release with a home of its own."""
    numbers = itertools.count()

    def make(version, prefix=()):
        home = tmp_path_factory.mktemp(f"agent-{next(numbers)}")
        return Agent(_PROFILES[version], python_of(version), home, prefix)

    return make


@pytest.fixture(scope="session")
def new_fusion(python_of, tmp_path_factory):
    """A function that gives a Fusion which is not started yet."""

    def make(**options):
        return Fusion(python_of("0.8.17"), tmp_path_factory.mktemp("fusion"), **options)

    return make


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL server that may be stopped and killed."""
    server = new_server()
    yield server
    server.remove()
