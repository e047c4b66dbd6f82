"""Pushers that break a rule of what is on the disk: syncs left out or in the wrong order, index and rows apart."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from kit_pusher import EMPTY, FileWorld, KeyedDriver, LogDriver
from kit_sqlite import SqliteDriver, SqliteWorld, path_of

from fustor_conformance.durability.disk import UnseenError, unwritten
from fustor_core.exceptions import RetryableError
from kit_mutants.pusher import keyed, log
from kit_mutants.registry import mutant


def where_pages_are_seen(cls):
    """Registered where the page cache can be asked: what SQLite syncs is seen in no other way."""
    with tempfile.TemporaryFile() as file, suppress(UnseenError):
        unwritten(file.fileno())
        mutant("U27", world=SqliteWorld)(cls)
    return cls


class _TwoFiles:
    """Rows in one file, all else in another one."""

    order = ("rows", "rest")

    def load(self):
        state, rest = super().load(), self.rest()
        return {**state, **(json.loads(rest.read_text()) if rest.exists() else {})}

    def save(self, state):
        for what in self.order:
            if what == "rows":
                super().save({**EMPTY, "rows": state["rows"]})
            else:
                self.save_rest(json.dumps({name: value for name, value in state.items() if name != "rows"}))

    def rest(self):
        return Path(self.config.endpoint + ".rest")

    def save_rest(self, text):
        self.written(Path(f"{self.rest()}.new"), text).replace(self.rest())
        self.sync_directory(self.rest().parent)

    def written(self, path, text):
        with path.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return path


@log("U16")
class IndexBeforeRows(_TwoFiles, LogDriver):
    order = ("rest", "rows")


@log("U16")
class RowsWithoutTheirIndex(_TwoFiles, LogDriver):
    pass


@keyed("U16", "U22", "U25")
class EndBeforeItsDeletions(KeyedDriver):
    def end(self, state, session, task):
        task["complete"] = True
        self.save(state)
        super().end(state, session, task)


@log("U27")
class SyncsNothing(LogDriver):
    def save(self, state):
        scratch = Path(self.config.endpoint + ".new")
        try:
            scratch.write_text(json.dumps(state))
        except OSError as err:
            raise RetryableError(str(err)) from err
        scratch.replace(self.config.endpoint)
        self.sync_directory(scratch.parent)


@keyed("U27")
class SyncsRowsOnly(_TwoFiles, KeyedDriver):
    def written(self, path, text):
        path.write_text(text)
        return path


@where_pages_are_seen
class SqliteDoesNotWait(SqliteDriver):
    pragmas = ("PRAGMA synchronous = OFF",)


@where_pages_are_seen
class SqliteSyncsAtCheckpoints(SqliteDriver):
    pragmas = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA wal_autocheckpoint = 0")

    def save(self, state):
        self._open = getattr(self, "_open", None) or self.connected()
        super().save(state)

    def connected(self):
        """Keeps the log of the database from being written back when the other connection is closed."""
        database = sqlite3.connect(path_of(self.config.endpoint))
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("SELECT name FROM sqlite_master").fetchall()
        return database

    async def close(self):
        if hasattr(self, "_open"):
            self._open.close()


@log("U27")
class SyncsAfterReturn(SyncsNothing):
    def save(self, state):
        super().save(state)
        threading.Timer(0.2, self.sync_later).start()

    def sync_later(self):
        with suppress(FileNotFoundError):  # the World may be gone by then
            descriptor = os.open(self.config.endpoint, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)


@log("U16", "C17")
class CommitsAfterReturn(LogDriver):
    def save(self, state):
        if getattr(self, "_in_push", False):
            threading.Timer(0.2, super().save, [state]).start()
        else:
            super().save(state)

    async def push(self, events, **kwargs):
        self._in_push = True
        return await super().push(events, **kwargs)


@log("U28")
class DirectoryIsNotSynced(LogDriver):
    def sync_directory(self, directory):
        pass


@log("U28")
class DirectoryIsSyncedTooEarly(LogDriver):
    def save(self, state):
        self.sync_now(Path(self.config.endpoint).parent)
        super().save(state)

    def sync_directory(self, directory):
        pass

    def sync_now(self, directory):
        LogDriver.sync_directory(self, directory)


class _DeepFileWorld(FileWorld):
    def config(self):
        return {**super().config(), "endpoint": str(Path(self._directory.name, "new", "state.json"))}


@mutant("U28", world=_DeepFileWorld)
class NewDirectoryIsNotSynced(LogDriver):
    def save(self, state):
        Path(self.config.endpoint).parent.mkdir(exist_ok=True)
        super().save(state)


@log("U29")
class NameBeforeBytes(LogDriver):
    def save(self, state):
        scratch = Path(self.config.endpoint + ".new")
        try:
            with scratch.open("w") as file:
                file.write(json.dumps(state))
                file.flush()
                scratch.replace(self.config.endpoint)
                self.sync_directory(scratch.parent)
                os.fsync(file.fileno())
        except OSError as err:
            raise RetryableError(str(err)) from err


@keyed("U16", "U12")
class ClosesWithWhatItBeganWith(KeyedDriver):
    """Its close writes the state that it read first, which another process has changed since, or it itself."""

    first = None

    def load(self):
        state = super().load()
        self.first = self.first or json.dumps(state)
        return state

    async def close(self):
        if self.first is not None:
            self.save(json.loads(self.first))
