"""A pusher that keeps its state in SQLite, whose C code syncs what Python does not see."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from kit_pusher import EMPTY, FileWorld, KeyedDriver

from fustor_core.exceptions import RetryableError


class SqliteWorld(FileWorld):
    """Reads the database, never the driver."""

    keyed = True

    def config(self) -> dict[str, Any]:
        return {**super().config(), "endpoint": f"sqlite:///{Path(self._directory.name, 'state.db')}"}

    def stored(self) -> list[dict[str, Any]]:
        return read(self.config()["endpoint"])["rows"]


class SqliteDriver(KeyedDriver):
    """One row, which holds everything."""

    pragmas: tuple[str, ...] = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")

    def load(self) -> dict[str, Any]:
        try:
            return read(self.config.endpoint)
        except sqlite3.OperationalError as err:
            raise RetryableError(f"Cannot read {self.config.endpoint!r}: {err}") from err

    def save(self, state: dict[str, Any]) -> None:
        try:
            self.write(state)
        except sqlite3.OperationalError as err:
            raise RetryableError(f"Cannot write {self.config.endpoint!r}: {err}") from err

    def write(self, state: dict[str, Any]) -> None:
        with closing(sqlite3.connect(path_of(self.config.endpoint))) as database:
            for pragma in self.pragmas:
                database.execute(pragma)
            database.execute("CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, state TEXT)")
            database.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (json.dumps(state),))
            self.before_commit(state)
            database.commit()

    def before_commit(self, state: dict[str, Any]) -> None:
        pass


def read(endpoint: str) -> dict[str, Any]:
    with closing(sqlite3.connect(path_of(endpoint))) as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE name = 'state'").fetchall()
        rows = database.execute("SELECT state FROM state").fetchall() if found else []
    return json.loads(rows[0][0] if rows else json.dumps(EMPTY))


def path_of(endpoint: str) -> str:
    return endpoint.removeprefix("sqlite://")
