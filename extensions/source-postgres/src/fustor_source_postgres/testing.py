"""The world of the conformance kit: a database of its own on a real server, changed and read without the driver."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Self
from urllib.parse import quote

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection, make_dsn, parse_dsn

__all__ = ["World", "server_uri"]

_TABLE = "/public/items"
_LONG = "/public/long_items"
_HARD = "/public/hard_items"
_FIRST_WITH_FLUSH = 150000
_DEMO_SEC = 0.3
_ADMINISTRATORS = {"user", "password", "passfile"}
"""Parts of the server's address that the driver under test gets others for."""
_LONG_BYTES = 4_000
_PUBLICATION = """
create publication fustor for table public.items, public.others, public.long_items, public.hard_items
  with (publish_via_partition_root = true)
"""
_CREATE = """
insert into public.items as known values (%s, 1) on conflict (id) do update set value = known.value + 1
"""
_TABLES = """
create table public.items (id text primary key, value bigint not null);
create table public.others (id int primary key);
create table public.long_items (id text primary key, value bigint not null, long text);
alter table public.long_items alter long set storage external;
create table public.hard_items (id text primary key, value bigint, note text, exact numeric)
"""
_CUT = "select pg_catalog.pg_terminate_backend(pid, 5000) from pg_catalog.pg_stat_activity where datname = %s"


def server_uri() -> str:
    """A server that tests may fill: the one of `FUSTOR_TEST_PG_DSN`, or one that ends with this process."""
    given = os.environ.get("FUSTOR_TEST_PG_DSN")
    if given:
        return given
    from fustor_testing_postgres import shared_server  # noqa: PLC0415 - of the extra `test`, not needed elsewhere

    return shared_server().uri


class World:
    """Tables of one database: for what is created, for long values, for hard ones. The driver reads with few rights."""

    operations = frozenset({"create", "modify", "delete", "rename"})
    hostile_keys = (
        "a/b",
        "c,d",
        "..",
        ".",
        "",
        "%41",
        "tab\t",
        "line\n",
        "quo\"te'",
        "c:\\dir",
        "ü 🐘",
        "\x01",
        "\v",
    )
    values = (
        {"value": None, "note": None, "exact": None},
        {"value": 2**53 + 1, "note": "", "exact": "0.10"},
        {"value": -(2**62), "note": "long " * 3_000, "exact": "12345678901234567890.123456789"},
        {"value": 0, "note": "null \\N \t\n'\"\u00e9e\u0301\U0001f418", "exact": "-0.00000001"},
    )

    def __enter__(self) -> Self:
        """A database with empty tables."""
        uri = server_uri()
        self._name = f"fustor_world_{secrets.token_hex(6)}"
        self._identifier = sql.Identifier(self._name)  # of the database and of the driver's role
        self._passwd = secrets.token_hex(16)
        self._admin = _open(uri)
        _run(self._admin, sql.SQL("create database {}").format(self._identifier))
        self._dsn = make_dsn("", **parse_dsn(uri) | {"dbname": self._name})
        self._conn = _open(self._dsn)
        _run(self._conn, _TABLES)
        _run(self._conn, sql.SQL("create role {} login replication password %s").format(self._identifier), self._passwd)
        _run(self._conn, sql.SQL("grant select on all tables in schema public to {}").format(self._identifier))
        _run(self._conn, _PUBLICATION)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """No database, no user, no slot."""
        self._close()
        _run(
            self._admin,
            "select pg_catalog.pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots"
            " where database = %s",
            self._name,
        )
        _run(self._admin, sql.SQL("drop database {} with (force)").format(self._identifier))
        _run(self._admin, sql.SQL("drop role {}").format(self._identifier))
        self._admin.close()

    def config(self) -> dict[str, Any]:
        """A source that reads this database."""
        return {
            "driver": "postgres",
            "uri": make_dsn(
                "", **{name: value for name, value in parse_dsn(self._dsn).items() if name not in _ADMINISTRATORS}
            ),
            "credential": {"user": self._name, "passwd": self._passwd},
            "max_retries": 10,
            "retry_delay_sec": 1,
            "disabled": False,
            "driver_params": {"lock_timeout_sec": 2},
        }

    def create(self, key: str) -> str:
        """A row for this key: a new one, or another value in the one that is there."""
        self._change(_CREATE, key)
        return _path(key)

    def modify(self, path: str) -> None:
        """Another value in the row at `path`."""
        self._change(f"update {_table(path)} set value = value + 1 where id = %s", _KEYS[path])  # noqa: S608

    def delete(self, path: str) -> None:
        """No row at `path`."""
        self._change(f"delete from {_table(path)} where id = %s", _KEYS[path])  # noqa: S608 - one of three

    def rename(self, path: str, key: str) -> str:
        """Another key for the row at `path`, which replaces a row that has this key."""
        table, old = _table(path), _KEYS[path]
        self._change(f"delete from {table} where id = %s and id <> %s", key, old)  # noqa: S608 - one of three
        self._change(f"update {table} set id = %s where id = %s", key, old)  # noqa: S608 - one of three
        return _path(key, path.rpartition("/")[0])

    def create_long(self, key: str) -> str:
        """A row for this key with a value that the log does not repeat."""
        self._change("insert into public.long_items values (%s, 1, %s)", key, secrets.token_hex(_LONG_BYTES))
        return _path(key, _LONG)

    def create_with(self, key: str, record: dict[str, Any]) -> str:
        """A row for this key with NULLs, long texts, exact or large numbers."""
        statement = "insert into public.hard_items values (%s, %s, %s, %s)"
        self._change(statement, key, record["value"], record["note"], record["exact"])
        return _path(key, _HARD)

    def exchange(self, path: str, other: str) -> None:
        """Two rows with each other's keys, in one transaction."""
        first, second = _KEYS[path], _KEYS[other]
        aside = f"{first}{second}-aside"
        changes = ((aside, first), (first, second), (second, aside))
        statement = ";".join(["update public.long_items set id = %s where id = %s"] * len(changes))
        self._change(statement, *(key for change in changes for key in change))  # one message is one transaction

    def list(self) -> dict[str, dict[str, Any]]:
        """Every row, with its record and the bytes of its texts."""
        columns = {
            _TABLE: ("id", "value"),
            _LONG: ("id", "value", "long"),
            _HARD: ("id", "value", "note", "exact"),
        }
        return {
            _path(row[0], container): _expected(dict(zip(names, row, strict=True)))
            for container, names in columns.items()
            for row in _run(self._conn, f"select * from {_table(f'{container}/')}")  # noqa: S608 - one of three
        }

    @contextmanager
    def unreadable(self, path: str) -> Iterator[None]:
        """The table at `path` is closed to the driver's user."""
        table, role = sql.Identifier("public", path.split("/")[2]), self._identifier
        _run(self._conn, sql.SQL("revoke select on {} from {}").format(table, role))
        try:
            yield
        finally:
            _run(self._conn, sql.SQL("grant select on {} to {}").format(table, role))

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """The database takes no connections, and those that were open are cut."""
        self._close()
        try:
            yield
        finally:
            _run(self._admin, sql.SQL("alter database {} allow_connections true").format(self._identifier))
            self._conn = _open(self._dsn)

    def broken(self) -> dict[str, Any]:
        """A source whose database does not exist."""
        return {
            **self.config(),
            "uri": make_dsn("", **parse_dsn(self.config()["uri"]) | {"dbname": "no_such_database"}),
        }

    @classmethod
    @contextmanager
    def demo(cls) -> Iterator[dict[str, Any]]:
        """A configuration whose tables keep changing until the context is left."""
        stopped = threading.Event()
        with cls() as world:
            changer = threading.Thread(target=world._keep_changing, args=(stopped,))
            changer.start()
            try:
                yield world.config()
            finally:
                stopped.set()
                changer.join()

    def _keep_changing(self, stopped: threading.Event) -> None:
        number = 0
        while not stopped.wait(_DEMO_SEC):
            number += 1
            self.create(f"item-{number}")
            if number > 2:  # noqa: PLR2004 - so that some rows stay as they were made
                self.modify(_path(f"item-{number - 1}"))
                self.delete(_path(f"item-{number - 2}"))

    def _change(self, statement: str, *arguments: Any) -> None:
        _run(self._conn, statement, *arguments)
        if self._conn.server_version >= _FIRST_WITH_FLUSH:  # audits look at counters, which the server reports late
            _run(self._conn, "select pg_catalog.pg_stat_force_next_flush()")

    def _close(self) -> None:
        """Let nobody connect to the database, end every connection, and wait until their slots are free."""
        self._conn.close()
        _run(self._admin, sql.SQL("alter database {} allow_connections false").format(self._identifier))
        _run(self._admin, _CUT, self._name)


_KEYS: dict[str, str] = {}
"""The key of every path made here: the encoding is not meant to be read backwards."""


def _table(path: str) -> str:
    return f"public.{path.split('/')[2]}"


def _expected(record: dict[str, Any]) -> dict[str, Any]:
    """What the source must say of a row; the size counts no column that the log does not repeat."""
    told = {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in record.items()}
    size = sum(len(str(value).encode()) for value in told.values() if value is not None)
    return {"record": told} if "long" in told else {"record": told, "size": size}


def _path(key: str, container: str = _TABLE) -> str:
    encoded = {"": "%FF", ".": "%2E", "..": "%2E%2E"}.get(key, quote(key, safe=""))
    path = f"{container}/{encoded}"
    _KEYS[path] = key
    return path


def _open(dsn: str) -> connection:
    conn = psycopg2.connect(dsn, options=f"{parse_dsn(dsn).get('options', '')} -c search_path=".strip())
    conn.autocommit = True
    return conn


def _run(conn: connection, statement: str | sql.Composable, *arguments: Any) -> list[tuple[Any, ...]]:
    with conn.cursor() as cur:
        cur.execute(statement, arguments or None)
        return cur.fetchall() if cur.description else []
