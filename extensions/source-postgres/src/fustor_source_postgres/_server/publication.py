"""The publication: which tables' changes the server puts into the stream."""

from __future__ import annotations

import logging

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._server.catalog import Table
from fustor_source_postgres._server.sql import fetch_one, run

SHARED_NAME = "fustor"
"""A publication that an administrator made for every source of the database."""
_log = logging.getLogger(__name__)
_LOOK_UP = """
select puballtables, pubinsert and pubupdate and pubdelete and pubtruncate, pubviaroot
  from pg_catalog.pg_publication where pubname = %s
"""
_FILTERED = "select tablename from pg_catalog.pg_publication_tables where pubname = %s and rowfilter is not null"
_FIRST_WITH_FILTERS = 150000
_MEMBERS = "select schemaname, tablename from pg_catalog.pg_publication_tables where pubname = %s"


def ensure_publication(conn: connection, name: str, tables: list[Table], lock_timeout_sec: float) -> None:
    """Make the publication `name` carry every change of `tables`: create it, or add what it lacks.

    Tables that it carries beside them stay; the stream drops their changes.

    Raises:
        ConfigError: this user may not do that, or the publication was made so that changes would be missing. The
            message holds the statement to run.
    """
    run(conn, f"set lock_timeout = {int(lock_timeout_sec * 1000)}")
    if not publication_exists(conn, name):
        _change(conn, _create(name, tables))
    elif not require_whole(conn, name):
        add_missing(conn, name, tables)


def require_whole(conn: connection, name: str) -> bool:
    """Whether the publication carries all tables by itself.

    Raises:
        ConfigError: it was made so that changes would be missing. The message holds the statement to run.
    """
    with conn.cursor() as cur:
        cur.execute(_LOOK_UP, (name,))
        carries_all, *options = fetch_one(cur)
    _check_options(name, *options)
    _check_filters(conn, name)
    return bool(carries_all)


def missing_tables(conn: connection, name: str, tables: list[Table]) -> list[Table]:
    """Those of `tables` whose changes the publication does not carry."""
    with conn.cursor() as cur:
        cur.execute(_MEMBERS, (name,))
        members = {(schema, table) for schema, table in cur}
    return [table for table in tables if (table.schema, table.name) not in members]


def change_statement(conn: connection, name: str, tables: list[Table]) -> str:
    """What an owner of `tables` runs so that the publication carries them."""
    make = _add if publication_exists(conn, name) else _create
    return make(name, tables).as_string(conn)


def _check_options(name: str, all_operations: bool, via_root: bool) -> None:
    if not all_operations:
        raise ConfigError(
            f"Publication {name!r} leaves out some operations; run "
            f"`ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate')`"
        )
    if not via_root:
        raise ConfigError(
            f"Publication {name!r} tells partitions instead of their root; run "
            f"`ALTER PUBLICATION {name} SET (publish_via_partition_root = true)`"
        )


def publication_for(conn: connection, configured: str | None, slot: str) -> str:
    """The publication to use: the configured one, the source's own, or the shared one where only that exists."""
    if configured is None and not publication_exists(conn, slot) and publication_exists(conn, SHARED_NAME):
        return SHARED_NAME
    return configured or slot


def publication_exists(conn: connection, name: str) -> bool:
    """Whether some stream has made, or somebody has given, the publication."""
    with conn.cursor() as cur:
        cur.execute(_LOOK_UP, (name,))
        return cur.fetchone() is not None


def add_missing(conn: connection, name: str, tables: list[Table]) -> None:
    """Add the tables that the publication lacks; raises like `ensure_publication`."""
    missing = missing_tables(conn, name, tables)
    if missing:
        _log.info("Publication %s gains %s", name, [table.qualified for table in missing])
        _change(conn, _add(name, missing))


def _create(name: str, tables: list[Table]) -> sql.Composed:
    members = sql.SQL("FOR TABLE {} ").format(_names(tables)) if tables else sql.SQL("")
    return sql.SQL("CREATE PUBLICATION {} {}WITH (publish_via_partition_root = true)").format(
        sql.Identifier(name), members
    )


def _check_filters(conn: connection, name: str) -> None:
    if conn.server_version < _FIRST_WITH_FILTERS:
        return
    with conn.cursor() as cur:
        cur.execute(_FILTERED, (name,))
        filtered = [table for (table,) in cur]
    if filtered:
        raise ConfigError(
            f"Publication {name!r} tells some rows of {filtered!r} only, a snapshot all of them; "
            "publish these tables without WHERE"
        )


def _add(name: str, tables: list[Table]) -> sql.Composed:
    return sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(sql.Identifier(name), _names(tables))


def _names(tables: list[Table]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table.schema, table.name) for table in tables)


def _change(conn: connection, statement: sql.Composed) -> None:
    try:
        with conn.cursor() as cur:
            cur.execute(statement)
    except errors.DuplicateObject:  # another instance of this source was quicker
        return
    except psycopg2.ProgrammingError as err:
        raise ConfigError(
            f"This user may not change the publication; run as its owner: {statement.as_string(conn)}"
        ) from err
