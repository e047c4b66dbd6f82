"""The command keeps a server for as long as it runs, and leaves nothing."""

import signal
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn

COMMAND = [sys.executable, "-m", "fustor_testing_postgres"]
DEADLINE_SEC = 60


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
def test_a_server_answers_until_the_command_ends(end):
    with subprocess.Popen([*COMMAND, "max_connections=17", "port=5433"], stdout=subprocess.PIPE, text=True) as process:
        try:
            name, _, dsn = process.stdout.readline().strip().partition("=")
            assert name == "FUSTOR_TEST_PG_DSN"
            directory = Path(parse_dsn(dsn)["host"])
            with closing(psycopg2.connect(dsn)) as conn, conn.cursor() as cur:
                cur.execute("show max_connections")
                assert cur.fetchone() == ("17",)
            assert directory.is_dir()
            process.send_signal(end)
            assert process.wait(DEADLINE_SEC) == 0
        finally:
            process.terminate()  # a server that was not reached is not waited for
    assert not directory.exists()


def test_a_server_that_does_not_start_leaves_nothing():
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # the server runs as another user where these tests run as root
        command = [*COMMAND, "no_such_setting=1"]
        done = subprocess.run(command, env={"TMPDIR": directory}, capture_output=True, text=True, check=False)
        assert done.returncode == 7
        assert 'unrecognized configuration parameter "no_such_setting"' in done.stderr
        assert "Traceback" not in done.stderr
        assert list(Path(directory).iterdir()) == []


@pytest.mark.parametrize("setting", ["fsync", "=on"])
def test_a_setting_has_a_name_and_a_value(setting):
    done = subprocess.run([*COMMAND, setting], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is not NAME=VALUE" in done.stderr


def test_its_version_is_that_of_the_distribution():
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fustor-testing-postgres", version("fustor-testing-postgres")]
