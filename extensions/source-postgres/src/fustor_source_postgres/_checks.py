"""What a server and a user must be for this source; each answer says what to run to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg2 import errors, sql
from psycopg2.extensions import connection, encrypt_password

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._server import slots
from fustor_source_postgres._server.catalog import (
    Table,
    find_obstacles,
    find_role,
    require_identities,
    require_keys,
    require_tables,
)
from fustor_source_postgres._server.connection import fetch_first, fetch_one, run
from fustor_source_postgres._server.ownership import Owner, require_ours
from fustor_source_postgres._server.publication import (
    SHARED_NAME,
    carrying,
    ensure_publication,
    find_publication,
    publication_for,
)
from fustor_source_postgres.config import PostgresParams

_OLDEST_SERVER = 140000
_FIRST_STANDBY = 160000
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
_OWNS_PUBLICATION = """
select pg_catalog.pg_has_role(pubowner, 'usage') from pg_catalog.pg_publication where pubname = %(name)s
"""
_OWNS = """
select pg_catalog.pg_has_role(relowner, 'usage') from pg_catalog.pg_class where oid = %s
"""
_PHYSICAL = """
select from pg_catalog.pg_replication_slots where slot_type = 'physical' and slot_name = %s
"""
_TLS = """
select coalesce((select version from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid() and ssl), 'no TLS')
"""
_MAY_CREATE = "select pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create')"
_MEGABYTE = 1 << 20
_HAS_POLICIES = (
    "select exists (select from pg_catalog.pg_class where oid = any(%s::pg_catalog.oid[]) and relrowsecurity)"
)


@dataclass(slots=True)
class Findings:
    """What stands in the way, and what is worth knowing."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error of the configuration that the block raises as a problem."""
        try:
            yield
        except ConfigError as err:
            self.problems.append(str(err))

    def answer(self, fine: str) -> tuple[bool, str]:
        """The verdict in the form that hosts take."""
        if self.problems:
            return False, "; ".join([*self.problems, *self.notes])
        return True, "; ".join([fine, *self.notes])


def check_connection(conn: connection) -> tuple[bool, str]:
    """Which server answered, and how well the way there is protected."""
    (tls,) = fetch_one(conn, _TLS)
    version = conn.get_parameter_status("server_version")
    if conn.server_version < _OLDEST_SERVER:
        return False, f"The server is PostgreSQL {version}; use 14 or newer"
    return True, f"Connected to PostgreSQL {version}, {tls}"


def check_settings(conn: connection, params: PostgresParams, own_slot: str, owner: Owner | None) -> tuple[bool, str]:
    """Whether the server can stream its changes, and what its slots hold back."""
    found = Findings()
    level, recovering, encoding, free_slots, free_senders, keep, plugins, counts = fetch_one(conn, _SETTINGS)
    if level != "logical":
        found.problems.append("wal_level is not logical: run `ALTER SYSTEM SET wal_level = logical` and restart")
    if free_senders < 1:
        found.problems.append("No WAL sender is free: raise max_wal_senders and restart")
    if encoding == "SQL_ASCII":
        found.problems.append("The database checks no texts (SQL_ASCII): convert it, for example to UTF8")
    if plugins is not None and slots.PLUGIN not in [name.strip() for name in plugins.split(",")]:
        found.problems.append(f"output_plugin_libraries lacks {slots.PLUGIN}: add it without quotes and reload")
    if recovering and conn.server_version < _FIRST_STANDBY:
        found.problems.append("A standby decodes its log from PostgreSQL 16 on: read the primary")
    if keep == "-1":
        found.notes.append("max_slot_wal_keep_size is unlimited: an abandoned slot can fill the disk")
    if counts != "on":
        found.notes.append("track_counts is off: audits read every table every time")
    if recovering:
        found.notes.append("The server is a standby: idle streams write no heartbeats there")
    _check_tables(conn, params, found)
    _check_slots(conn, params, own_slot, owner, free=free_slots, found=found)
    return found.answer("The server can stream its changes")


def _check_slots(
    conn: connection, params: PostgresParams, own_slot: str, owner: Owner | None, *, free: int, found: Findings
) -> None:
    """Whether a slot of this source is there, or can be made; one that is another's stops the start."""
    if params.failover and conn.server_version < slots.FIRST_WITH_FAILOVER:
        found.problems.append("`failover` needs PostgreSQL 17 or newer: leave it out")
    own = slots.find_slot(conn, own_slot)
    if own is None:
        if fetch_first(conn, _PHYSICAL, (own_slot,)) is not None:
            found.problems.append(f"Slot {own_slot!r} is a physical one: choose another `slot`")
        if free < 1:
            found.problems.append("No replication slot is free: raise max_replication_slots, or drop an orphan")
    else:
        with found.noted():
            require_ours(conn, own) if owner is None else owner.require(conn, own)
    _report_slots(conn, own, own_slot, owner, found)


def _check_tables(conn: connection, params: PostgresParams, found: Findings) -> None:
    """What keeps a table from being followed: a problem where `tables` names it, else a note, as at the start."""
    tables: list[Table] = []
    with found.noted():
        tables = require_tables(conn, params)
    lacks = {table: table.why_not_followed for table in tables if table.why_not_followed}
    for table, lack in lacks.items():
        if params.names(table.schema, table.name):
            found.problems.append(f"Table {table.qualified!r} {lack}")
        else:
            found.notes.append(f"Table {table.qualified!r} is left out: it {lack}")
    if tables and len(lacks) == len(tables):
        found.problems.append("No chosen table can be followed")


def _report_slots(
    conn: connection, own: slots.Slot | None, own_slot: str, owner: Owner | None, found: Findings
) -> None:
    if own is not None and own.is_lost:
        found.problems.append(f"Slot {own.name!r} has lost its log: drop it, the next start takes a new snapshot")
    elif own is not None:
        found.notes.append(f"Slot {own.name!r} holds {(own.retained_bytes or 0) // _MEGABYTE} MiB of log")
    for slot in slots.orphans(conn, own_slot):
        is_akin = owner is not None and owner.may_be_of_another_sync(slot)
        gone = "by its name another sync of this source resumes from it; if that sync" if is_akin else "if its source"
        found.notes.append(
            f"Slot {slot.name!r} is read by nobody and holds {(slot.retained_bytes or 0) // _MEGABYTE} MiB of log: "
            f"{gone} is gone, run `select pg_drop_replication_slot('{slot.name}')`"
        )


def check_privileges(conn: connection, params: PostgresParams, slot: str, _owner: Owner | None) -> tuple[bool, str]:
    """Whether this user may stream, read every chosen table, and have the publication that is needed."""
    found = Findings()
    role, may_stream, _ = find_role(conn)
    if not may_stream:
        user = sql.Identifier(role).as_string(conn)
        found.problems.append(f"User {role!r} may not stream: run `ALTER ROLE {user} REPLICATION`")
    tables = require_tables(conn, params)
    for name, obstacles in find_obstacles(conn, tables).items():
        found.problems += [f"Table {name!r}: {obstacle}, or exclude it" for obstacle in obstacles]
    _check_publication(conn, params, slot, tables, found)
    return found.answer(f"User {role!r} may read {len(tables)} tables and their changes")


def _check_publication(
    conn: connection, params: PostgresParams, slot: str, tables: list[Table], found: Findings
) -> None:
    name = publication_for(conn, params.publication, slot or SHARED_NAME)
    published = find_publication(conn, name)
    if published is not None:
        with found.noted():
            published.require_whole(tables)
    lacking = tables if published is None else [table for table in tables if published.lacks(table)]
    missing = [table for table in lacking if table.why_not_followed is None]
    (may_change,) = fetch_one(conn, _MAY_CREATE if published is None else _OWNS_PUBLICATION, {"name": name})
    if missing and not (may_change and all(fetch_one(conn, _OWNS, (table.oid,))[0] for table in missing)):
        found.problems.append(
            f"Publication {name!r} lacks {len(missing)} tables that this user may not add: "
            f"run as their owner `{carrying(published, name, missing).as_string(conn)}`"
        )


def create_agent_user(
    conn: connection, user: str, password: str | None, params: PostgresParams, publication: str
) -> str:
    """Make or mend the role `user`, let it read the chosen tables, and make the publication; what was done.

    The password leaves this process as a SCRAM verifier only, so no log of the server can show it.
    """
    tables = require_tables(conn, params)
    role = sql.Identifier(user)
    _make_role(conn, role, user, password)
    run(conn, sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(slots.database_of(conn)), role))
    for schema in sorted({table.schema for table in tables}):
        run(conn, sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role))
    for table in tables:
        run(conn, sql.SQL("GRANT SELECT ON {} TO {}").format(table.identifier, role))
    if fetch_one(conn, _HAS_POLICIES, ([table.oid for table in tables],))[0]:
        run(conn, sql.SQL("ALTER ROLE {} BYPASSRLS").format(role))
    followed = require_identities(require_keys(tables, params), params)
    ensure_publication(conn, publication, followed, params.lock_timeout_sec)
    return f"User {user!r} may read {len(tables)} tables and publication {publication!r}"


def _make_role(conn: connection, role: sql.Identifier, user: str, password: str | None) -> None:
    options = [sql.SQL("LOGIN REPLICATION")]
    if password is not None:
        verifier = encrypt_password(password, user, conn, "scram-sha-256")
        options.append(sql.SQL("PASSWORD {}").format(sql.Literal(verifier)))  # type: ignore[arg-type] # composes
    for verb in ("CREATE", "ALTER"):
        try:
            return run(conn, sql.SQL("{} ROLE {} {}").format(sql.SQL(verb), role, sql.SQL(" ").join(options)))
        except errors.DuplicateObject:
            continue
    return None
