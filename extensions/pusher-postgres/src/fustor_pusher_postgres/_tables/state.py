"""How far a task has come: its session, its snapshot, its audit and its index, in one row that a push locks."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, MessageSource
from fustor_pusher_postgres._tables.schema import FACTS, TASKS, prepare_notes, qualified

UNKNOWN = -1
_INTEGER_MAX = 2**31 - 1


@dataclass(slots=True)
class State:
    """One row of the task table. `clock` counts arrivals: a mark is its value when realtime reported a path."""

    number: int
    task: str
    session_id: str
    session: int
    phase: str
    committed: int
    told: int
    """The committed index when the session began: where the host resumes, unless it takes a snapshot."""
    realtime_index: int
    snapshot_index: int
    snapshot_begun: bool
    snapshot_ended: bool
    snapshot_open: bool
    """Whether snapshot rows of this session count."""
    has_snapshot_rows: bool
    clock: int
    floor: int
    """Marks up to here are forgotten."""
    audits: int
    audit_since: int | None
    """The clock at Audit-Start; None outside an audit."""
    has_facts: bool
    """Whether paths without a row have facts of this session."""
    tables_version: int

    @property
    def needs_facts(self) -> bool:
        """Whether what is reported of a path that has no row can still decide anything."""
        return self.snapshot_open or self.audit_since is not None

    @property
    def has_marks(self) -> bool:
        """Whether realtime reported anything that has not been forgotten."""
        return self.clock > self.floor

    def start_audit(self) -> None:
        """Begin an audit; what an unfinished one reported is discarded."""
        if self.told > UNKNOWN and not self.has_snapshot_rows:
            # A session resumed from an index comes after a complete snapshot, and no audit starts before its own ends.
            self.snapshot_open = False
        if not self.snapshot_open:
            self.floor = self.clock
        self.audits += 1
        self.audit_since = self.clock

    def end_audit(self) -> None:
        """End the audit and forget the marks that only it needed."""
        self.audit_since = None
        if not self.snapshot_open:
            self.floor = self.clock

    def close_snapshot(self) -> None:
        """Let snapshot rows count for nothing from now on."""
        self.snapshot_open = False
        if self.audit_since is None:
            self.floor = self.clock

    def advance(self, events: Sequence[EventBase], *, is_snapshot: bool, is_snapshot_end: bool) -> None:
        """Take note of a batch's indexes: what `get_latest_committed_index` will say when it is durable."""
        for event in events:
            if event.message_source is MessageSource.REALTIME:
                self.realtime_index = max(self.realtime_index, event.index)
            elif event.message_source is MessageSource.SNAPSHOT:
                self.snapshot_index = max(self.snapshot_index, event.index)
                is_snapshot = True
        self.snapshot_begun = self.snapshot_begun or is_snapshot or is_snapshot_end
        self.snapshot_ended = self.snapshot_ended or is_snapshot_end
        self.committed = self._committed()
        self.phase = self._phase()

    def _committed(self) -> int:
        if self.snapshot_ended:
            return self.realtime_index if self.realtime_index > UNKNOWN else self.snapshot_index
        if self.snapshot_begun or self.told == UNKNOWN:
            return UNKNOWN  # a snapshot that is not finished must never be resumed as if it were
        return max(self.committed, self.realtime_index)

    def _phase(self) -> str:
        if self.audit_since is not None:
            return "audit"
        is_complete = self.snapshot_ended or (self.told > UNKNOWN and not self.snapshot_begun)
        return "realtime" if is_complete else "snapshot"


_COLUMNS = tuple(column.name for column in fields(State))
_LOAD = sql.SQL("SELECT {columns} FROM {tasks} WHERE number = %s")
_LOCK = sql.SQL(
    "BEGIN; SELECT xmin, pg_catalog.pg_current_xact_id()::xid, {columns} FROM {tasks} WHERE number = %s"
    " FOR NO KEY UPDATE"
)
_COLUMN_LIST = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))


class Superseded(DriverError):  # noqa: N818 - it is a reply, not a failure
    """Another session of the task was opened since."""


def load(cur: cursor, schema: str, session_id: object) -> State:
    """The state of a session's task.

    Raises:
        DriverError: nobody opened that session.
        Superseded: another one was opened for its task since.
    """
    return State(*_found(cur, _LOAD, schema, session_id))


def lock(cur: cursor, schema: str, session_id: object) -> tuple[State, str, str]:
    """Begin a transaction that has the state of a session's task to itself; raises as `load` does.

    Returns the state, the transaction that changed it last, and the one that was begun.
    """
    changed_by, own, *columns = _found(cur, _LOCK, schema, session_id)
    return State(*columns), changed_by, own


def _found(cur: cursor, query: sql.SQL, schema: str, session_id: object) -> tuple[Any, ...]:
    number, _, nonce = str(session_id).partition("-")
    unknown = DriverError(f"Session {session_id!r} is unknown or obsolete (419); create a new one")
    if not (number.isdecimal() and int(number) <= _INTEGER_MAX and nonce):
        raise unknown
    try:
        cur.execute(query.format(columns=_COLUMN_LIST, tasks=qualified(schema, TASKS)), (int(number),))
    except psycopg2.errors.UndefinedTable as error:
        raise unknown from error
    found = cur.fetchone()
    if found is None:
        raise unknown
    state = State(*found[-len(_COLUMNS) :])
    if state.session_id != session_id:
        raise Superseded(f"Session {session_id!r} is obsolete (419): another one was opened for {state.task!r} since")
    return found


def save(cur: cursor, schema: str, before: State, state: State) -> None:
    """Write what has changed of the state back and commit the transaction that locked it."""
    changed = {name: value for name in _COLUMNS if (value := getattr(state, name)) != getattr(before, name)}
    query = sql.SQL("UPDATE {} SET {} WHERE number = %(number)s; COMMIT").format(
        qualified(schema, TASKS),
        sql.SQL(", ").join(
            [sql.SQL("updated_at = pg_catalog.now()")]
            + [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changed]
        ),
    )
    cur.execute(query, changed | {"number": state.number})


def begin_session(cur: cursor, schema: str, task: str) -> tuple[str, int]:
    """Open a session, the only one of its task from now on; return its id and the committed index it begins with."""
    query = sql.SQL(
        """
        INSERT INTO {tasks} AS t (task, nonce, session) VALUES (%s, %s, 1)
        ON CONFLICT (task) DO UPDATE SET
            nonce = excluded.nonce, session = t.session + 1, told = t.committed,
            phase = CASE WHEN t.committed >= 0 THEN 'realtime' ELSE 'snapshot' END,
            realtime_index = -1, snapshot_index = -1, snapshot_begun = false, snapshot_ended = false,
            snapshot_open = true, has_snapshot_rows = false, floor = t.clock, audit_since = NULL, has_facts = false,
            updated_at = pg_catalog.now()
        RETURNING number, session_id, committed
        """
    ).format(tasks=qualified(schema, TASKS))
    cur.execute(query, (task, uuid.uuid4().hex))
    number, session_id, committed = _row(cur)
    clear_facts(cur, schema, number)
    prepare_notes(cur, schema, number)
    return session_id, int(committed)


def clear_facts(cur: cursor, schema: str, number: int) -> None:
    """Forget what was reported of paths that have no row."""
    cur.execute(sql.SQL("DELETE FROM {} WHERE task = %s").format(qualified(schema, FACTS)), (number,))


def _row(cur: cursor) -> tuple[Any, ...]:
    found = cur.fetchone()
    if found is None:
        raise DriverError("The server answered nothing where one row was due; check its triggers and rules")
    return found
