"""The servers of tests, demonstrations and the kit are this user's alone."""

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from fustor_testing_postgres import Server

AS_ANOTHER = """
import os, socket, sys
os.setgroups([]); os.setgid(1); os.setuid(1)
directory = sys.argv[1]
def refused(action):
    try:
        action()
    except PermissionError:
        return True
    return False
assert refused(lambda: socket.socket(socket.AF_UNIX).connect(f"{directory}/.s.PGSQL.5432"))
assert refused(lambda: open(f"{directory}/passfile"))
assert refused(lambda: os.listdir(directory))
assert refused(lambda: os.listdir(f"{directory}/data"))
"""


def test_a_server_is_made_where_the_environment_says(monkeypatch):
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # the server runs as another user where these tests run as root
        monkeypatch.setenv("FUSTOR_TEST_PG_DIR", directory)
        server = Server.started()
        assert server.directory.parent == Path(directory)
        server.remove()
        assert list(Path(directory).iterdir()) == []
    with pytest.raises(RuntimeError, match="set FUSTOR_TEST_PG_DIR to another"):
        Server.started()


@pytest.fixture(scope="module")
def own_server():
    server = Server.started()
    yield server
    server.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can become another user")
def test_another_user_cannot_reach_the_server(own_server):
    command = [sys.executable, "-c", AS_ANOTHER, str(own_server.directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="Any other user runs the server itself")
def test_root_runs_the_server_as_a_user_that_exists_already(own_server):
    before = Path("/etc/passwd").read_bytes()
    account = pwd.getpwnam("nobody")
    status = Path(f"/proc/{own_server.pid}/status").read_text()
    assert f"Uid:\t{account.pw_uid}\t{account.pw_uid}" in status
    assert f"Gid:\t{account.pw_gid}\t{account.pw_gid}" in status
    assert "Groups:\t \n" in status
    assert Path("/etc/passwd").read_bytes() == before


def test_files_and_the_socket_are_closed_to_others(own_server):
    for path in (own_server.directory, *own_server.directory.glob("passfile"), *own_server.directory.glob(".s.*5432")):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    assert not (own_server.directory / "password").exists()


@pytest.mark.parametrize("replication", ["false", "database", "true"])
@pytest.mark.parametrize("password", [None, "", "postgres"])
def test_nobody_enters_without_the_password(own_server, replication, password):
    dsn = make_dsn("", host=own_server.directory, user="postgres", dbname="postgres", passfile="/dev/null")
    given = {} if password is None else {"password": password}
    with pytest.raises(psycopg2.OperationalError, match=r"no password supplied|authentication failed"):
        psycopg2.connect(make_dsn(dsn, replication=replication, **given))


def test_there_is_no_way_in_by_the_network(own_server):
    conn = psycopg2.connect(own_server.uri)
    with conn.cursor() as cur:
        cur.execute("select current_setting('listen_addresses')")
        assert cur.fetchone() == ("",)
        cur.execute("select type, auth_method from pg_hba_file_rules")
        assert {method for _, method in cur} == {"scram-sha-256"}
    conn.close()


def test_the_address_shows_no_password(own_server):
    password = (own_server.directory / "passfile").read_text().strip().split(":")[-1]
    assert len(password) >= 32
    assert password not in own_server.uri
    arguments = [file for file in Path("/proc").glob("[0-9]*/cmdline") if password.encode() in read(file)]
    assert arguments == []


def read(file):
    try:
        return file.read_bytes()
    except OSError:  # it ended meanwhile
        return b""


def test_a_server_whose_making_was_interrupted_is_removed_all_the_same(own_server):
    """Its file names a process that makes the cluster, which `pg_ctl` does not stop; nor does it run for root."""
    server = Server(own_server.binaries)
    server.data.mkdir()
    (server.data / "postmaster.pid").write_text(f"-{os.getpid()}\n")
    server.remove()
    assert not server.directory.exists()
