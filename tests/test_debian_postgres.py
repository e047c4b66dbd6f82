"""The drivers for PostgreSQL pass their own tests on the server that Debian ships, where that is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fustor_testing_postgres import Server

ROOT = Path(__file__).parents[1]
INSTALLED = Path("/usr/lib/postgresql")


@pytest.fixture(scope="module")
def dsn():
    found = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    if not found:
        pytest.skip(f"Debian's PostgreSQL is not installed: {INSTALLED} has no server")
    server = Server.started(found[0].parent)
    print(f"PostgreSQL of {found[0].parent}")
    yield server.uri
    server.remove()


@pytest.mark.full
@pytest.mark.parametrize("package", ["source-postgres", "pusher-postgres"])
def test_a_driver_passes_its_tests_there(dsn, package):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", f"extensions/{package}"]
    done = subprocess.run(
        command, env=environment | {"FUSTOR_TEST_PG_DSN": dsn}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    print(done.stdout[-2_000:])
    assert done.returncode == 0, done.stdout[-20_000:]
    assert " passed" in done.stdout
