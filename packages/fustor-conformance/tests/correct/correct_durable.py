"""Pushers whose writes are on the disk when push returns, by ways that are not fsync of an open file."""

from __future__ import annotations

import asyncio
import ctypes
import json
import mmap
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from kit_pusher import LogDriver
from kit_sqlite import SqliteDriver, path_of

from fustor_core.exceptions import RetryableError


class _Scratch(LogDriver):
    """Writes a scratch file in a way of its own and gives it the name."""

    def save(self, state: dict[str, Any]) -> None:
        scratch = Path(self.config.endpoint + ".new")
        try:
            self.write(scratch, json.dumps(state).encode())
            scratch.replace(self.config.endpoint)
            self.sync_directory(scratch.parent)
        except OSError as err:
            raise RetryableError(f"Cannot write {str(scratch)!r}: {err}") from err

    def write(self, path: Path, data: bytes) -> None:
        raise NotImplementedError


class Synchronous(_Scratch):
    """Each write waits by itself."""

    def write(self, path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DSYNC, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)


class ReopensToSync(_Scratch):
    """Syncs through another descriptor than it wrote through."""

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        descriptor = os.open(path, os.O_RDONLY)
        os.fdatasync(descriptor)
        os.close(descriptor)


class SyncsTheFileSystem(_Scratch):
    """By the C library, which no hook sees."""

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.sync_directory(path.parent)

    def sync_directory(self, directory: Path) -> None:
        descriptor = os.open(directory, os.O_RDONLY)
        ctypes.CDLL(None).syncfs(descriptor)
        os.close(descriptor)


class SyncsByACommand(_Scratch):
    """By another process."""

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        subprocess.run(["sync", str(path)], check=True)

    def sync_directory(self, directory: Path) -> None:
        subprocess.run(["sync", str(directory)], check=True)


class Mapped(_Scratch):
    """Through a mapping, which it flushes."""

    def write(self, path: Path, data: bytes) -> None:
        with path.open("w+b") as file:
            file.truncate(len(data))
            with mmap.mmap(file.fileno(), len(data)) as mapped:
                mapped[:] = data
                mapped.flush()


class TouchesFirst(SqliteDriver):
    """Makes the file of the database itself, for its mode."""

    def write(self, state: dict[str, Any]) -> None:
        Path(path_of(self.config.endpoint)).touch(0o600)
        super().write(state)


class KeepsItOpen(SqliteDriver):
    """One connection for all, in WAL mode, which is closed with the driver."""

    connection: sqlite3.Connection | None = None

    def write(self, state: dict[str, Any]) -> None:
        if self.connection is None:
            self.connection = sqlite3.connect(path_of(self.config.endpoint), check_same_thread=False)
            for pragma in self.pragmas:
                self.connection.execute(pragma).close()
        with self.connection, closing(self.connection.cursor()) as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, state TEXT)")
            cursor.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (json.dumps(state),))

    async def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class RollsBack(SqliteDriver):
    """With a rollback journal that is truncated."""

    pragmas = ("PRAGMA journal_mode = TRUNCATE", "PRAGMA synchronous = EXTRA")


class LeavesAProcess(_Scratch):
    """Keeps a helper that lives on when the driver's process dies."""

    helper: Any = None

    def write(self, path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if self.helper is None:
            self.helper = os.fork() or self.wait_for_the_end()

    def wait_for_the_end(self) -> None:
        signal.pause()
        os._exit(0)

    async def close(self) -> None:
        if self.helper is not None:
            os.kill(self.helper, signal.SIGKILL)
            await asyncio.to_thread(os.waitpid, self.helper, 0)
            self.helper = None
