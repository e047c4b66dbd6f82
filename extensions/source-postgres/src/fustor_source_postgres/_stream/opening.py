"""How a stream is opened: at a new boundary with the snapshot, or again at a position."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection
from psycopg2.extras import ReplicationCursor

from fustor_core.exceptions import ConfigError, DriverError
from fustor_source_postgres._changes.pgoutput import HEARTBEAT, Decoder
from fustor_source_postgres._changes.present import Present
from fustor_source_postgres._changes.relation import Description, Relation, Resolver, Unfollowed
from fustor_source_postgres._server import slots
from fustor_source_postgres._server.boundary import Boundary, server_clock
from fustor_source_postgres._server.catalog import (
    Table,
    load_tables,
    require_identities,
    require_keys,
    require_rights,
    require_tables,
)
from fustor_source_postgres._server.connection import fetch_first, run
from fustor_source_postgres._server.patience import Stop, cancelled_by
from fustor_source_postgres._server.publication import (
    GapError,
    Publication,
    ensure_publication,
    find_publication,
    publication_exists,
)
from fustor_source_postgres._server.slots import base_index, format_lsn, lsn_of, said_while_waiting
from fustor_source_postgres._source import Source
from fustor_source_postgres._stream.libpq import Notices

_log = logging.getLogger(__name__)
_PRIMER = "fustor.start"
_LONGEST_NAME = 63
_SENDER = "select wait_event from pg_catalog.pg_stat_activity where pid = %s"
_IDLE_EVENTS = {"WalSenderMain", "WalSenderWaitForWal", "WalSenderWaitForWAL", "WalSenderWriteData"}
"""What a sender shows that waits for work, or for this side: it would answer."""
_LONGEST_WORK_SEC = 90.0
"""A sender that works on a large transaction answers every half minute at the latest."""
_ZOMBIE_SEC = 1.0
_FORSAKE_SEC = 10.0
_ZOMBIE_PAUSE_SEC = 0.05


@dataclass(frozen=True, slots=True)
class Opened:
    """A started stream. `position` is below its first event; `is_own` means the source's slot, not a copy."""

    conn: connection
    cur: ReplicationCursor
    decoder: Decoder
    position: int
    is_own: bool
    present: Present
    publication: Publication
    notices: Notices


@dataclass(frozen=True, slots=True)
class Opener(Source):
    """Opens streams of one source."""

    def open(self, position: int, stop: Stop, *, bounded: bool) -> Opened:
        """A stream of what comes after `position`, or of what comes from now on if the log no longer has that."""
        with self.address.session() as conn:
            self._own_slot(conn)
            slot = self._serving(conn, position)
            self._prepare(conn)
        if slot is None:
            return self._open_now(stop, bounded=bounded)
        return self._open_slot(position, slot, stop, bounded=bounded)

    def resume(self, position: int, stop: Stop, *, bounded: bool) -> Opened:
        """A stream of what comes after `position`.

        Raises:
            DriverError: the log does not go back that far any more.
        """
        with self.address.session() as conn:
            self._own_slot(conn)
            self._published(conn)
            slot = self._serving(conn, position)
        if slot is None:
            raise self._lost(position)
        return self._open_slot(position, slot, stop, bounded=bounded)

    def is_available(self, position: int) -> bool:
        """Whether a stream from `position` would miss nothing."""
        with self.address.session() as conn:
            return self._serving(conn, position) is not None

    def release(self, position: int) -> None:
        """Let the slot go on to `position`, unless somebody reads it."""
        if position > 0:
            with self.address.session() as conn:
                slots.advance_slot(conn, self.slot, lsn_of(position))

    def without_streaming(self) -> Opener:
        """The same, for the ordinary protocol."""
        return replace(self, params=self.params.model_copy(update={"streaming": False}))

    def resolver(self) -> Callable[[Description], Relation | Unfollowed | None]:
        """Says what a described relation is to this source; one for each stream."""
        return Resolver(self, self.require_whole)

    def emit_heartbeat(self) -> None:
        """Write a transaction that this source's streams send as an event without rows."""
        self._emit(HEARTBEAT)

    def require_whole(self, conn: connection, table: Table) -> None:
        """Raise a GapError unless the publication carries every change of a table, and all of it."""
        _require_whole(self._published(conn), [table])

    def look_at_publication(self, before: Publication) -> Publication:
        """The publication as it is now.

        Raises:
            GapError: it has not carried every change since it was like `before`.
        """
        with self.address.session() as conn:
            now = self._published(conn, before.name)
            self._note_retained(slots.find_slot(conn, self.slot))
            if now == before and not any(member.columns is not None for member in now.members.values()):
                return now
            tables = [table for table in load_tables(conn, self.params) if not table.why_not_followed]
        if now.version != before.version:
            raise GapError(f"Publication {now.name!r} was made again, or its options were changed, while it was read")
        lost = [table.qualified for table in tables if now.has_lost(before, table)]
        if lost:
            raise GapError(f"Publication {now.name!r} has lost the tables {lost!r} while it was read")
        _require_whole(now, tables)
        return now

    def forsake(self, opened: Opened) -> None:
        """Drop the slot of a stream that is closed, so that no position in it is ever taken for complete.

        Raises:
            DriverError: the server does not notice that the stream is closed.
        """
        if not opened.is_own:
            return
        deadline = time.monotonic() + _FORSAKE_SEC
        with self.address.session() as conn:
            while self._own_slot(conn) is not None:
                try:
                    slots.drop_slot(conn, self.slot)
                except DriverError:  # its sender is still ending
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(_ZOMBIE_PAUSE_SEC)

    def require_sender(self, pid: int, silence_sec: float) -> None:
        """Raise a psycopg2.Error unless the server's side of a stream that says nothing is there, and busy.

        The server itself answers nobody where the new connection cannot be made.
        """
        with self.address.session() as conn:
            found = fetch_first(conn, _SENDER, (pid,))
        if found is None:
            raise psycopg2.OperationalError("The server has ended the stream without an error")
        if found[0] in _IDLE_EVENTS or silence_sec > _LONGEST_WORK_SEC:
            raise psycopg2.OperationalError(f"The server's sender has not answered for {silence_sec:.0f} s")

    def _published(self, conn: connection, name: str | None = None) -> Publication:
        name = name or self.publication(conn)
        found = find_publication(conn, name)
        if found is None:
            raise GapError(f"Publication {name!r} was dropped")
        return found

    def _prepare(self, conn: connection) -> None:
        encoding = conn.get_parameter_status("server_encoding")
        if encoding == "SQL_ASCII":
            raise ConfigError(f"Database {self.address.shown!r} does not check its texts ({encoding}); convert it")
        tables = require_tables(conn, self.params)
        require_rights(conn, tables)
        followed = require_identities(require_keys(tables, self.params), self.params)
        ensure_publication(conn, self.publication(conn), followed, self.params.lock_timeout_sec)

    def _own_slot(self, conn: connection) -> slots.Slot | None:
        """The slot, if it is there; raises a ConfigError unless it is this source's."""
        slot = slots.find_slot(conn, self.slot)
        if slot is not None:
            self.owner.require(conn, slot)
            self.owner.note(conn, self.slot)
        self._note_retained(slot)
        return slot

    def _note_retained(self, slot: slots.Slot | None) -> None:
        self.shared.slot_bytes = None if slot is None else slot.retained_bytes

    def _serving(self, conn: connection, position: int) -> slots.Slot | None:
        slot = slots.find_slot(conn, self.slot)
        if position <= 0 or slot is None or not publication_exists(conn, self.publication(conn)):
            return None
        database, latest = slots.database_of(conn), slots.latest_lsn(conn)
        return slot if slot.serves(position, database, latest) else None

    def _open_slot(self, position: int, slot: slots.Slot, stop: Stop, *, bounded: bool) -> Opened:
        own = not bounded and self._is_free(slot)
        with self.address.kept(replication=True) as conn:
            name = self.slot
            if not own:
                name = self._other_name()
                slots.copy_slot(conn, self.slot, name)
            elif self.params.failover and not slot.is_failover:
                slots.make_failover(conn, name)
            opened = self._start(conn, name, lsn_of(position), stop, position=position, is_own=own)
            self._require_unreleased(name, position)
            return opened

    def _require_unreleased(self, name: str, position: int) -> None:
        """Raise a DriverError where another reader has released the slot beyond `position` meanwhile.

        The server would begin at the released place, and say nothing of what lies between.
        """
        with self.address.session() as conn:
            started = slots.find_slot(conn, name)
        if started is None or started.confirmed_lsn is None or started.confirmed_lsn > lsn_of(position):
            raise self._lost(position)

    def _lost(self, position: int) -> DriverError:
        return DriverError(
            f"Slot {self.slot!r} has lost position {position}; start again with a new snapshot, and look at "
            "`max_slot_wal_keep_size`, at who drops slots, and at who else reads this one"
        )

    def _is_free(self, slot: slots.Slot) -> bool:
        """Whether nobody reads the slot; the server takes a moment to see that a reader was killed."""
        deadline = time.monotonic() + _ZOMBIE_SEC
        while slot.is_active:
            if self.shared.has_owner() or time.monotonic() >= deadline:
                _log.info("Slot %s is being read, reading a copy", self.slot)
                return False
            time.sleep(_ZOMBIE_PAUSE_SEC)
            with self.address.session() as conn:
                slot = slots.find_slot(conn, self.slot) or slot
        return True

    def _open_now(self, stop: Stop, *, bounded: bool) -> Opened:
        with self.address.session() as conn:
            slot = self._own_slot(conn)
            own = not bounded and (slot is None or self._is_free(slot))
            failover = own and (self.params.failover or (slot is not None and slot.is_failover))
            if failover and conn.server_version < slots.FIRST_WITH_FAILOVER:
                raise ConfigError("`failover` needs PostgreSQL 17 or newer; leave it out")
            if own and slot is not None:
                slots.drop_slot(conn, self.slot)
            if own:
                self.owner.note(conn, self.slot)
            clock = server_clock(conn)
        name = self.slot if own else self._other_name()
        with self.address.kept(replication=True) as conn:
            with cancelled_by(stop, conn), said_while_waiting(self.address, conn.info.backend_pid, name):
                point, snapshot = self._create(conn, name, temporary=not own, failover=failover)
            position = base_index(point)
            if not bounded:
                seconds = self.params.snapshot_hold_sec
                self.shared.offer_boundary(Boundary.hold(self.address, clock, position, seconds, snapshot))
            return self._start(conn, name, point, stop, position=position, is_own=own)

    def _create(self, conn: connection, name: str, *, temporary: bool, failover: bool) -> tuple[int, str]:
        try:
            return slots.create_slot(conn, name, temporary=temporary, failover=failover)
        except errors.ConfigurationLimitExceeded as err:
            raise ConfigError(
                f"The server at {self.address.shown!r} has no free replication slot; raise `max_replication_slots` or "
                "drop one that nobody reads"
            ) from err
        except errors.ObjectNotInPrerequisiteState as err:
            raise ConfigError(
                f"The server at {self.address.shown!r} does not decode its log; set `wal_level = logical`, restart it"
            ) from err

    def _start(self, conn: connection, name: str, lsn: int, stop: Stop, *, position: int, is_own: bool) -> Opened:
        self._emit(_PRIMER)
        with self.address.session() as plain:
            published = self._published(plain)
        protocol = "proto_version '2', streaming 'on'" if self.params.streaming else "proto_version '1'"
        notices = Notices(conn)
        cur = conn.cursor(cursor_factory=ReplicationCursor)
        cur.start_replication_expert(  # type: ignore[no-untyped-call] # the stubs say nothing of it
            f'START_REPLICATION SLOT "{name}" LOGICAL {format_lsn(lsn)} '
            f"({protocol}, publication_names '\"{published.name}\"', messages 'true')",
            decode=False,
        )
        present = Present(self, stop)
        decoder = Decoder(self.shared, self.resolver(), self.slot, present.complete)
        return Opened(conn, cur, decoder, position, is_own, present, published, notices)

    def _emit(self, prefix: str) -> None:
        try:
            with self.address.session() as conn:
                run(conn, "select pg_catalog.pg_logical_emit_message(true, %s, %s)", (prefix, self.slot))
        except (errors.ReadOnlySqlTransaction, errors.ObjectNotInPrerequisiteState):
            return  # a standby takes no messages; its slot moves with the primary's traffic

    def _other_name(self) -> str:
        suffix = f"_{secrets.token_hex(4)}"
        return self.slot[: _LONGEST_NAME - len(suffix)] + suffix


def _require_whole(published: Publication, tables: list[Table]) -> None:
    try:
        published.require_whole(tables)
    except ConfigError as err:
        raise GapError(str(err)) from None
