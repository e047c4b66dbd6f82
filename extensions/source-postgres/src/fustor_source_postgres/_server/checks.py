"""What a server and a user must be for this source; each answer says what to run to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._server import slots
from fustor_source_postgres._server.catalog import Table, require_tables
from fustor_source_postgres._server.publication import (
    SHARED_NAME,
    change_statement,
    missing_tables,
    publication_exists,
    publication_for,
)
from fustor_source_postgres._server.sql import fetch_one
from fustor_source_postgres.config import PostgresParams

_OLDEST_SERVER = 140000
# pg_settings has no row for what a user may not read, current_setting() fails on it
_SETTINGS = """
select pg_catalog.current_setting('wal_level'), pg_catalog.pg_is_in_recovery(),
       pg_catalog.current_setting('server_encoding'),
       pg_catalog.current_setting('max_replication_slots')::int
         - (select pg_catalog.count(*) from pg_catalog.pg_replication_slots),
       pg_catalog.current_setting('max_wal_senders')::int
         - (select pg_catalog.count(*) from pg_catalog.pg_stat_replication),
       pg_catalog.current_setting('max_slot_wal_keep_size'),
       (select setting from pg_catalog.pg_settings where name = 'output_plugin_libraries'),
       pg_catalog.current_setting('track_counts')
"""
_ROLE = """
select rolname, rolreplication or rolsuper, rolbypassrls or rolsuper
  from pg_catalog.pg_roles where rolname = current_user
"""
_MAY_READ = """
select pg_catalog.has_schema_privilege(n.oid, 'usage'), pg_catalog.has_table_privilege(c.oid, 'select'),
       c.relrowsecurity, pg_catalog.pg_has_role(c.relowner, 'usage')
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = %s
"""
_TLS = """
select coalesce((select version from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid() and ssl), 'no TLS')
"""
_MAY_CREATE = "select pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create')"
_MEGABYTE = 1 << 20


@dataclass(slots=True)
class Findings:
    """What stands in the way, and what is worth knowing."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def answer(self, fine: str) -> tuple[bool, str]:
        """The verdict in the form that hosts take."""
        if self.problems:
            return False, "; ".join([*self.problems, *self.notes])
        return True, "; ".join([fine, *self.notes])


def check_connection(conn: connection) -> tuple[bool, str]:
    """Which server answered, and how well the way there is protected."""
    with conn.cursor() as cur:
        cur.execute(_TLS)
        tls = fetch_one(cur)[0]
    version = conn.get_parameter_status("server_version")
    if conn.server_version < _OLDEST_SERVER:
        return False, f"The server is PostgreSQL {version}; use 14 or newer"
    return True, f"Connected to PostgreSQL {version}, {tls}"


def check_settings(conn: connection, params: PostgresParams, own_slot: str) -> tuple[bool, str]:
    """Whether the server tells its changes, and what its slots hold back."""
    found = Findings()
    with conn.cursor() as cur:
        cur.execute(_SETTINGS)
        level, recovering, encoding, free_slots, free_senders, keep, plugins, counts = fetch_one(cur)
    own = slots.find_slots(conn).get(own_slot)
    if level != "logical":
        found.problems.append("wal_level is not logical: run `ALTER SYSTEM SET wal_level = logical` and restart")
    if free_slots < 1 and own is None:
        found.problems.append("No replication slot is free: raise max_replication_slots, or drop an orphan")
    if free_senders < 1:
        found.problems.append("No WAL sender is free: raise max_wal_senders and restart")
    if encoding == "SQL_ASCII":
        found.problems.append("The database checks no texts (SQL_ASCII): convert it, for example to UTF8")
    if plugins is not None and slots.PLUGIN not in [name.strip() for name in plugins.split(",")]:
        found.problems.append(f"output_plugin_libraries lacks {slots.PLUGIN}: add it without quotes and reload")
    if keep == "-1":
        found.notes.append("max_slot_wal_keep_size is unlimited: an abandoned slot can fill the disk")
    if counts != "on":
        found.notes.append("track_counts is off: audits read every table every time")
    if recovering:
        found.notes.append("The server is a standby: idle streams write no heartbeats there")
    _check_tables(conn, params, found)
    _tell_slots(conn, own, own_slot, found)
    return found.answer("The server tells its changes")


def _check_tables(conn: connection, params: PostgresParams, found: Findings) -> None:
    try:
        tables = require_tables(conn, params)
    except ConfigError as err:
        found.problems.append(str(err))
        return
    for table in tables:
        if not table.key:
            found.problems.append(
                f"Table {table.qualified!r} has no primary key that is checked at once: "
                "add one, name its `key_columns`, or `exclude` it"
            )
        elif not table.tells_its_keys:
            statement = sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(sql.Identifier(table.schema, table.name))
            found.problems.append(
                f"Changes of {table.qualified!r} do not name their row: run `{statement.as_string(conn)}`"
            )


def _tell_slots(conn: connection, own: slots.Slot | None, own_slot: str, found: Findings) -> None:
    if own is not None and own.is_lost:
        found.problems.append(f"Slot {own.name!r} has lost its log: drop it, the next start takes a new snapshot")
    elif own is not None:
        found.notes.append(f"Slot {own.name!r} holds {(own.retained_bytes or 0) // _MEGABYTE} MiB of log")
    found.notes += [
        f"Slot {slot.name!r} is read by nobody and holds {(slot.retained_bytes or 0) // _MEGABYTE} MiB of log: "
        f"if its source is gone, run `select pg_drop_replication_slot('{slot.name}')`"
        for slot in slots.orphans(conn, own_slot)
    ]


def check_privileges(conn: connection, params: PostgresParams, slot: str) -> tuple[bool, str]:
    """Whether this user may stream, read every chosen table, and have the publication that is needed."""
    found = Findings()
    with conn.cursor() as cur:
        cur.execute(_ROLE)
        role, may_stream, sees_all = fetch_one(cur)
        user = sql.Identifier(role).as_string(conn)
        if not may_stream:
            found.problems.append(f"User {role!r} may not stream: run `ALTER ROLE {user} REPLICATION`")
        tables = require_tables(conn, params)
        for table in tables:
            cur.execute(_MAY_READ, (table.oid,))
            _check_table(conn, user, table, fetch_one(cur), sees_all=sees_all, found=found)
    _check_publication(conn, params, slot, tables, found)
    return found.answer(f"User {role!r} may read {len(tables)} tables and their changes")


def _check_table(
    conn: connection, user: str, table: Table, rights: tuple[Any, ...], *, sees_all: bool, found: Findings
) -> None:
    usage, select, has_policies, is_owner = rights
    name = sql.Identifier(table.schema, table.name).as_string(conn)
    if not usage:
        schema = sql.Identifier(table.schema).as_string(conn)
        grant = f"GRANT USAGE ON SCHEMA {schema} TO {user}"
        found.problems.append(f"Schema of {table.qualified!r} is closed: run `{grant}`")
    if not select:
        found.problems.append(f"Table {table.qualified!r} is closed: run `GRANT SELECT ON {name} TO {user}`")
    if has_policies and not sees_all and not is_owner:
        found.problems.append(f"Policies hide rows of {table.qualified!r}: run `ALTER ROLE {user} BYPASSRLS`")


def _check_publication(
    conn: connection, params: PostgresParams, slot: str, tables: list[Table], found: Findings
) -> None:
    name = publication_for(conn, params.publication, slot or SHARED_NAME)
    missing = missing_tables(conn, name, tables)
    with conn.cursor() as cur:
        cur.execute(_MAY_CREATE)
        may_create = fetch_one(cur)[0] or publication_exists(conn, name)
    if missing and not (may_create and all(_owns(conn, table) for table in missing)):
        found.problems.append(
            f"Publication {name!r} lacks {len(missing)} tables that this user does not own: "
            f"run as their owner `{change_statement(conn, name, missing)}`"
        )


def _owns(conn: connection, table: Table) -> bool:
    with conn.cursor() as cur:
        cur.execute(_MAY_READ, (table.oid,))
        return bool(fetch_one(cur)[3])
