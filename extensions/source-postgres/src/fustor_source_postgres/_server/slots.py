"""Replication slots and positions: what a slot holds back for this source, how it is made, moved on and dropped.

A position is one integer that names a place in the write-ahead log and an event of the transaction committed there.
`index = (commit_lsn >> 3) << 20 | ordinal`: commits are delivered in the order of their LSNs, LSNs are multiples of 8,
and a transaction has fewer than 2**20 events, so the index rises strictly and is the same on every replay. It stays
below 2**63 for the first 64 TiB of log.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection

from fustor_core.exceptions import DriverError
from fustor_source_postgres._server.connection import Address, fetch_all, fetch_one, run

ORDINAL_BITS = 20
MAX_ORDINAL = (1 << ORDINAL_BITS) - 1
PLUGIN = "pgoutput"
OWN_PREFIX = "fustor_"
_LONGEST_ID = 40
FIRST_WITH_FAILOVER = 170000

_LOOK_UP = """
select slot_name::pg_catalog.text, plugin::pg_catalog.text, database::pg_catalog.text, active, temporary,
       coalesce(wal_status, 'reserved'), pg_catalog.pg_wal_lsn_diff(confirmed_flush_lsn, '0/0')::bigint,
       pg_catalog.pg_wal_lsn_diff(restart_lsn, '0/0')::bigint,
       pg_catalog.pg_wal_lsn_diff({now}, restart_lsn)::bigint,
       active_pid, {added}
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
_FIRST_SEC = 1.0
_PAUSE_SEC = 1.0
_AGAIN_SEC = 60.0
# a prepared transaction holds its lock without a process
_HOLDERS = """
select w.transactionid::pg_catalog.text, h.pid, a.usename, a.application_name, a.xact_start::pg_catalog.text,
       p.gid, p.owner, p.database, p.prepared::pg_catalog.text
  from pg_catalog.pg_locks w
  left join pg_catalog.pg_locks h on h.locktype = 'transactionid' and h.granted and h.transactionid = w.transactionid
  left join pg_catalog.pg_stat_activity a on a.pid = h.pid
  left join pg_catalog.pg_prepared_xacts p on p.transaction = w.transactionid
 where w.pid = %s and not w.granted and w.locktype = 'transactionid'
"""
_log = logging.getLogger(__name__)


def base_index(lsn: int) -> int:
    """The index just below every event of the transaction committed at `lsn`."""
    return (lsn >> 3) << ORDINAL_BITS


def lsn_of(index: int) -> int:
    """The commit LSN that `index` names."""
    return (index >> ORDINAL_BITS) << 3


def parse_lsn(text: str) -> int:
    """An LSN as the server prints it (`16/B374D848`) as a number of bytes."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def format_lsn(lsn: int) -> str:
    """An LSN as the server reads it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


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
    active_pid: int | None
    invalidation_reason: str | None
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
    is_new = conn.server_version >= FIRST_WITH_FAILOVER
    added = "invalidation_reason::pg_catalog.text, failover" if is_new else "null, false"
    return {row[0]: Slot(*row) for row in fetch_all(conn, _LOOK_UP.format(now=_NOW, added=added))}


def find_slot(conn: connection, name: str) -> Slot | None:
    """One logical slot, if it is there."""
    return find_slots(conn).get(name)


def database_of(conn: connection) -> str:
    """The name of the database that a connection is in."""
    return str(fetch_one(conn, "select pg_catalog.current_database()")[0])


def latest_lsn(conn: connection) -> int:
    """The end of the log: above every commit made before the call."""
    return parse_lsn(fetch_one(conn, _LATEST)[0])


def create_slot(conn: connection, name: str, *, temporary: bool, failover: bool = False) -> tuple[int, str]:
    """Make a slot on a replication connection: its first LSN, and the snapshot of exactly that moment.

    The snapshot can be imported until the connection's next command. Waits for the transactions that are running.
    """
    kind = sql.SQL(" TEMPORARY" if temporary else "")
    options = sql.SQL("(SNAPSHOT 'export', FAILOVER true)" if failover else "EXPORT_SNAPSHOT")
    statement = sql.SQL("CREATE_REPLICATION_SLOT {}{} LOGICAL pgoutput {}").format(sql.Identifier(name), kind, options)
    _, point, snapshot, _ = fetch_one(conn, statement)
    return parse_lsn(point), str(snapshot)


def make_failover(conn: connection, name: str) -> None:
    """Have a slot that nobody reads kept on standbys too; on a replication connection."""
    run(conn, sql.SQL("ALTER_REPLICATION_SLOT {} (FAILOVER true)").format(sql.Identifier(name)))


def copy_slot(conn: connection, name: str, copy: str) -> None:
    """Make a temporary slot that stands where `name` stands; it goes away with the connection."""
    run(conn, "select pg_catalog.pg_copy_logical_replication_slot(%s, %s, true)", (name, copy))


def advance_slot(conn: connection, name: str, lsn: int) -> bool:
    """Release what `name` holds up to `lsn`; False while somebody reads it, or when it is not there."""
    slot = find_slot(conn, name)
    if slot is None or slot.is_active or slot.confirmed_lsn is None or slot.is_lost:
        return False
    if slot.confirmed_lsn < lsn:
        try:
            run(conn, "select pg_catalog.pg_replication_slot_advance(%s, %s)", (name, format_lsn(lsn)))
        except (errors.ObjectInUse, errors.ObjectNotInPrerequisiteState, errors.UndefinedObject):
            return False
    return True


def drop_slot(conn: connection, name: str) -> None:
    """Drop a slot, which its caller knows to be this project's; what it held back is gone for good.

    Raises:
        DriverError: somebody reads it.
    """
    try:
        run(conn, "select pg_catalog.pg_drop_replication_slot(%s)", (name,))
    except errors.ObjectInUse as err:
        raise DriverError(f"Slot {name!r} is being read; stop its source first") from err


def orphans(conn: connection, own: str) -> list[Slot]:
    """Slots that look like this project's, that nobody reads, and that are not `own`."""
    return [
        slot
        for name, slot in sorted(find_slots(conn).items())
        if name.startswith(OWN_PREFIX) and name != own and not slot.is_active and not slot.is_temporary
    ]


@contextmanager
def said_while_waiting(address: Address, pid: int, slot: str) -> Iterator[None]:
    """Log which transaction the making of a slot waits for, soon and every minute, while the block lasts."""
    done = Event()
    watcher = Thread(target=_watch, args=(address, pid, slot, done), name="fustor-postgres-wait", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()


def _watch(address: Address, pid: int, slot: str, done: Event) -> None:
    said: dict[str, float] = {}
    pause = _FIRST_SEC
    while not done.wait(pause):
        pause = _PAUSE_SEC
        try:
            holders = _holders(address, pid)
        except psycopg2.Error as err:
            _log.info("What slot %s waits for cannot be seen: %s", slot, address.clean(err))
            continue
        for xid, holder in holders.items():
            if not done.is_set() and time.monotonic() - said.get(xid, -_AGAIN_SEC) >= _AGAIN_SEC:
                said[xid] = time.monotonic()
                _log.warning("Slot %s waits for the end of transaction %s, %s", slot, xid, holder)


def _holders(address: Address, pid: int) -> dict[str, str]:
    with address.session() as conn:
        found = fetch_all(conn, _HOLDERS, (pid,))
    return {
        xid: f"prepared as {gid!r} by {owner!r} in database {database!r} at {prepared}: commit it or roll it back"
        if gid is not None
        else f"open in process {holder} of user {user!r}, application {application!r}, since {since or 'long'}"
        for xid, holder, user, application, since, gid, owner, database, prepared in found
    }
