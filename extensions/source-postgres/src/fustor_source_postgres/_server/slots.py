"""Replication slots: what one holds back for this source, how it is made, copied, moved on and dropped."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from psycopg2 import errors, sql
from psycopg2.extensions import connection, cursor

from fustor_core.exceptions import DriverError
from fustor_source_postgres._server.position import format_lsn, lsn_of, parse_lsn
from fustor_source_postgres._server.sql import fetch_one

PLUGIN = "pgoutput"
OWN_PREFIX = "fustor_"
_LONGEST_ID = 40
_FIRST_WITH_INVALIDATION_REASON = 170000
FIRST_WITH_FAILOVER = 170000

_LOOK_UP = """
select slot_name::pg_catalog.text, plugin::pg_catalog.text, database::pg_catalog.text, active, temporary,
       coalesce(wal_status, 'reserved'), confirmed_flush_lsn::pg_catalog.text, restart_lsn::pg_catalog.text,
       pg_catalog.pg_wal_lsn_diff({now}, restart_lsn)::bigint,
       {reason}, active_pid, {failover}
  from pg_catalog.pg_replication_slots
 where slot_type = 'logical'
"""
_NOW = """
case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
     else pg_catalog.pg_current_wal_lsn() end
"""
_LATEST = """
select case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
            else pg_catalog.pg_current_wal_insert_lsn() end
"""


def name_for(source_id: str, database: str) -> str:
    """The slot's name for a source: readable, legal, and its own even where two ids look alike."""
    words = re.sub(r"[^a-z0-9]+", "_", source_id.lower()).strip("_")[:_LONGEST_ID]
    digest = hashlib.sha256(f"{source_id}\0{database}".encode()).hexdigest()[:8]
    return f"{OWN_PREFIX}{words}_{digest}" if words else f"{OWN_PREFIX}{digest}"


@dataclass(frozen=True, slots=True)
class Slot:
    """One logical slot as the server shows it. LSNs are numbers of bytes."""

    name: str
    plugin: str
    database: str
    is_active: bool
    is_temporary: bool
    wal_status: str
    confirmed_lsn: int | None
    restart_lsn: int | None
    retained_bytes: int | None
    invalidation_reason: str | None
    active_pid: int | None
    is_failover: bool

    @property
    def is_lost(self) -> bool:
        """Whether the server has removed log that the slot should have kept."""
        return self.wal_status == "lost" or self.invalidation_reason is not None or self.restart_lsn is None

    def serves(self, position: int, database: str, latest_lsn: int) -> bool:
        """Whether a stream from `position` would miss nothing."""
        return (
            not self.is_lost
            and self.plugin == PLUGIN
            and self.database == database
            and self.confirmed_lsn is not None
            and self.confirmed_lsn <= lsn_of(position) <= latest_lsn
        )


def find_slots(conn: connection) -> dict[str, Slot]:
    """Every logical slot of the server, by name."""
    has_reason = conn.server_version >= _FIRST_WITH_INVALIDATION_REASON
    query = _LOOK_UP.format(
        now=_NOW,
        reason="invalidation_reason::pg_catalog.text" if has_reason else "null",
        failover="failover" if conn.server_version >= FIRST_WITH_FAILOVER else "false",
    )
    with conn.cursor() as cur:
        cur.execute(query)
        return {row[0]: _slot(row) for row in cur}


def _slot(row: tuple[Any, ...]) -> Slot:
    name, plugin, database, active, temporary, status, confirmed, restart, retained, reason, pid, failover = row
    return Slot(
        name=name,
        plugin=plugin,
        database=database,
        is_active=active,
        is_temporary=temporary,
        wal_status=status,
        confirmed_lsn=parse_lsn(confirmed) if confirmed else None,
        restart_lsn=parse_lsn(restart) if restart else None,
        retained_bytes=retained,
        invalidation_reason=reason,
        active_pid=pid,
        is_failover=failover,
    )


def database_of(conn: connection) -> str:
    """The name of the database that a connection is in."""
    with conn.cursor() as cur:
        cur.execute("select pg_catalog.current_database()")
        return str(fetch_one(cur)[0])


def latest_lsn(conn: connection) -> int:
    """The end of the log: above every commit made before the call."""
    with conn.cursor() as cur:
        cur.execute(_LATEST)
        return parse_lsn(fetch_one(cur)[0])


def create_slot(cur: cursor, name: str, *, temporary: bool, failover: bool = False) -> tuple[int, str]:
    """Make a slot on a replication connection: its first LSN, and the snapshot of exactly that moment.

    The snapshot can be imported until the connection's next command. Waits for the transactions that are running.
    """
    kind = sql.SQL(" TEMPORARY" if temporary else "")
    options = sql.SQL("(SNAPSHOT 'export', FAILOVER true)" if failover else "EXPORT_SNAPSHOT")
    cur.execute(sql.SQL("CREATE_REPLICATION_SLOT {}{} LOGICAL pgoutput {}").format(sql.Identifier(name), kind, options))
    _, point, snapshot, _ = fetch_one(cur)
    return parse_lsn(point), str(snapshot)


def make_failover(cur: cursor, name: str) -> None:
    """Have a slot that nobody reads kept on standbys too; on a replication connection."""
    cur.execute(sql.SQL("ALTER_REPLICATION_SLOT {} (FAILOVER true)").format(sql.Identifier(name)))


def copy_slot(cur: cursor, name: str, copy: str) -> None:
    """Make a temporary slot that stands where `name` stands; it goes away with the connection."""
    cur.execute("select pg_catalog.pg_copy_logical_replication_slot(%s, %s, true)", (name, copy))
    cur.fetchall()


def advance_slot(conn: connection, name: str, lsn: int) -> bool:
    """Release what `name` holds up to `lsn`; False while somebody reads it, or when it is not there."""
    slot = find_slots(conn).get(name)
    if slot is None or slot.is_active or slot.confirmed_lsn is None or slot.is_lost:
        return False
    if slot.confirmed_lsn < lsn:
        try:
            with conn.cursor() as cur:
                cur.execute("select pg_catalog.pg_replication_slot_advance(%s, %s)", (name, format_lsn(lsn)))
        except (errors.ObjectInUse, errors.ObjectNotInPrerequisiteState, errors.UndefinedObject):
            return False
    return True


def drop_slot(conn: connection, name: str) -> None:
    """Drop a slot, which its caller knows to be this project's; what it held back is gone for good.

    Raises:
        DriverError: somebody reads it.
    """
    try:
        with conn.cursor() as cur:
            cur.execute("select pg_catalog.pg_drop_replication_slot(%s)", (name,))
    except errors.ObjectInUse as err:
        raise DriverError(f"Slot {name!r} is being read; stop its source first") from err


def orphans(conn: connection, own: str) -> list[Slot]:
    """Slots that look like this project's, that nobody reads, and that are not `own`."""
    return [
        slot
        for name, slot in sorted(find_slots(conn).items())
        if name.startswith(OWN_PREFIX) and name != own and not slot.is_active and not slot.is_temporary
    ]
