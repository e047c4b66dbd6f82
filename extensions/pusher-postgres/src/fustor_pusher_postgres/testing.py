"""The world of the conformance kit: a database of its own on a real server, read without the driver."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Self

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_pusher_postgres._tables.columns import TOLD

__all__ = ["World"]

_SCHEMA = "fustor"
_FIELDS = (*TOLD, "message_source")


class World:
    """An empty database, there from entering to leaving.

    It is made on the server that `FUSTOR_TEST_PG_DSN` names, else on one of its own (extra `test`).
    """

    keyed = True
    """One row a path."""

    def __enter__(self) -> Self:
        """Make the database."""
        self._server = _server_uri()
        self._name = f"fustor_{uuid.uuid4().hex[:16]}"
        self._administer("CREATE DATABASE {}")
        self.dsn = make_dsn("", **parse_dsn(self._server) | {"dbname": self._name})
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Drop the database, whoever is still in it."""
        self._administer("DROP DATABASE {} WITH (FORCE)")

    def config(self) -> dict[str, Any]:
        """Keywords of a PusherConfig that writes here."""
        return {"driver": "postgres", "endpoint": self.dsn, "disabled": False, "retry_delay_sec": 0.2}

    def broken(self) -> dict[str, Any]:
        """Keywords of a PusherConfig whose database does not exist."""
        return self.config() | {"endpoint": make_dsn("", **parse_dsn(self._server) | {"dbname": "no_such_database"})}

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """The database takes no connections, and those that were open are cut."""
        self._administer("ALTER DATABASE {} ALLOW_CONNECTIONS false")
        try:
            self._cut()
            yield
        finally:
            self._administer("ALTER DATABASE {} ALLOW_CONNECTIONS true")

    def stored(self) -> list[dict[str, Any]]:
        """Every row of every table, each with its `message_source`."""
        with closing(psycopg2.connect(self.dsn)) as conn, conn.cursor() as cur:
            cur.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{_SCHEMA}._fustor_tables",))
            if cur.fetchone() != (True,):
                return []
            cur.execute(sql.SQL("SELECT relation FROM {}").format(sql.Identifier(_SCHEMA, "_fustor_tables")))
            return [row for (name,) in cur.fetchall() for row in _rows(cur, name)]

    def log_positions(self) -> tuple[int, int]:
        """Where the server's log ends, and up to where it is on the disk: bytes."""
        with closing(psycopg2.connect(self.dsn)) as conn, conn.cursor() as cur:
            cur.execute("SELECT pg_current_wal_insert_lsn() - '0/0', pg_current_wal_flush_lsn() - '0/0'")
            ((written, on_disk),) = cur.fetchall()
            return int(written), int(on_disk)

    @classmethod
    @contextmanager
    def demo(cls) -> Iterator[dict[str, Any]]:
        """Keywords of a PusherConfig that writes to a database which is removed at the end."""
        with cls() as world:
            yield world.config()

    def _cut(self) -> None:
        with closing(psycopg2.connect(self._server)) as conn, conn.cursor() as cur:
            cur.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (self._name,))

    def _administer(self, statement: str) -> None:
        with closing(psycopg2.connect(self._server)) as conn, conn.cursor() as cur:
            conn.autocommit = True
            cur.execute(sql.SQL(statement).format(sql.Identifier(self._name)))


def _server_uri() -> str:
    """A server that tests may fill: the one of `FUSTOR_TEST_PG_DSN`, or one that ends with this process."""
    given = os.environ.get("FUSTOR_TEST_PG_DSN")
    if given:
        return given
    from fustor_testing_postgres import shared_server  # noqa: PLC0415 - of the extra `test`, not needed elsewhere

    return shared_server().uri


def _rows(cur: Any, name: str) -> Iterator[dict[str, Any]]:
    columns = sql.SQL(", ").join(map(sql.Identifier, (*_FIELDS, "extra")))
    cur.execute(sql.SQL("SELECT {} FROM {} ORDER BY path").format(columns, sql.Identifier(_SCHEMA, name)))
    for *values, extra in cur.fetchall():
        told = {field: value for field, value in zip(_FIELDS, values, strict=True) if value is not None}
        yield {"size": None, "mtime": None, **told, **(extra or {})}
