"""Rows of one transaction, grouped into events.

The cut depends on nothing but the log: at another table, at another operation, at 1,000 rows and at 4 MiB. So an event
has the same ordinal on every replay, whatever the host asks for. After half of the ordinals that an index has, the rest
of the transaction is folded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType, MessageSource
from fustor_source_postgres._changes.relation import Relation
from fustor_source_postgres._fast.making import Make, event_maker
from fustor_source_postgres._rows.shape import Row, make_marker
from fustor_source_postgres._server.slots import MAX_ORDINAL, base_index, format_lsn
from fustor_source_postgres._source import Shared

MAX_ROWS = 1_000
MAX_BYTES = 4 << 20
FINE_EVENTS = MAX_ORDINAL // 2
LookUp = Callable[[Relation, list[Row], set[int]], list[Row]]
"""Completes rows of a relation, changed by these transactions, in place; returns those that no longer exist."""


class Groups:
    """The events of a transaction, the last of which may be open: its rows can still become more.

    No row's `mtime` is below the clock of `shared`. `look_up` completes rows that have come to a new path and that the
    log does not hold whole. `fine_events` is how many events of a transaction keep the order of the log; it is part of
    what makes ordinals the same on every replay.
    """

    def __init__(self, shared: Shared, look_up: LookUp, fine_events: int = FINE_EVENTS) -> None:
        self._look_up = look_up
        self._arrivals: list[Arrival] = []
        self._xid = 0
        self._fine_events = fine_events
        self._fine_limit = 0
        self._folds: dict[int, Fold] = {}  # by table, in the order in which the tables were met
        self._moves: Moves | None = None
        self._shared = shared
        self._ready: list[EventBase] = []
        self._touched: set[str] = set()
        self._commit_lsn = 0
        self._index = 0
        self._limit = 0
        self.mtime = 0.0
        self._relation: Relation | None = None
        self._open: Make | None = None  # what made the open event: the relation's own, one for each operation
        self._rows: list[Row] = []
        self._bytes = 0

    def begin(self, commit_lsn: int, mtime: float, xid: int) -> None:
        """Start a transaction; what another one left open is forgotten."""
        self._xid = xid
        if self._open is not None:
            self._ready.pop()
            self._close()
        self._moves = None
        if self._folds:
            self._folds.clear()
        self._commit_lsn = commit_lsn
        self._index = base_index(commit_lsn)
        self._limit = self._index + MAX_ORDINAL
        self._fine_limit = self._index + self._fine_events
        self.mtime = mtime
        self.follow_clock()

    def follow_clock(self) -> None:
        """Raise the `mtime`, where a snapshot or an audit has read a later clock since."""
        if self._shared.clock > self.mtime:
            self.mtime = self._shared.clock
            for row in self._rows:
                row["mtime"] = self.mtime

    def take(self) -> list[EventBase]:
        """The events that are complete, each once."""
        ready, touched = self._ready, self._touched
        if self._open is None or self._relation is None:
            self._ready, self._touched = [], set()
        else:
            self._ready, self._touched = [ready.pop()], {self._relation.container}
        self._shared.touch(touched)
        if self._arrivals:
            arrivals, self._arrivals = self._arrivals, []
            return completed(ready, arrivals, self._look_up)
        return ready

    def add(self, relation: Relation, operation: Make, row: Row, length: int) -> None:
        """Add a row that stays where it is; `operation` is the relation's own."""
        if self._index >= self._fine_limit and self._is_folding():
            self._fold(relation, operation, row, length)
        elif operation is self._open and len(self._rows) < MAX_ROWS and self._bytes < MAX_BYTES:
            self._rows.append(row)
            self._bytes += length
        else:
            if self._moves is not None:
                self._emit_moves(self._moves)
            self._rows = rows = [row]
            self._bytes = length
            self._put(relation, operation, rows)
            self._relation, self._open = relation, operation

    def move(self, relation: Relation, gone: Row, row: Row, length: int) -> None:
        """Add a row whose key has changed: its old path goes, its new one comes."""
        if self._index >= self._fine_limit and self._is_folding():
            self._fold(relation, relation.deletes, gone, 0)
            self._fold(relation, relation.inserts, row, length)
            return
        moves = self._moves
        if (
            moves is None
            or relation is not moves.relation
            or moves.has_brought(gone)
            or len(moves.here) >= MAX_ROWS
            or moves.bytes >= MAX_BYTES
        ):
            self._flush_group()
            moves = self._moves = Moves(relation)
        moves.add(gone, row, length)

    def empty(self, relation: Relation) -> None:
        """Tell that everything below a container went away."""
        self.flush()
        row = {"path": relation.container, "mtime": self.mtime, "size": None, "is_directory": True, "record": {}}
        described = relation.described
        make = event_maker(EventType.DELETE, MessageSource.REALTIME, described.schema, described.table, tuple(row))
        self._put(relation, make, [row])

    def mark(self) -> None:
        """Tell that a place in the transaction is passed."""
        self.flush()
        self._pass_place()
        self._ready.append(make_marker(self._index))

    def close(self, relation: Relation) -> None:
        """Close what is open of one table; what is open of others depends on the log alone."""
        if relation is (self._moves.relation if self._moves is not None else self._relation):
            self._flush_group()
        fold = self._folds.pop(relation.described.oid, None)
        if fold is not None:
            self._emit_fold(fold)

    def flush(self) -> None:
        """Close everything."""
        self._flush_group()
        while self._folds:
            self._emit_fold(self._folds.pop(next(iter(self._folds))))

    def _is_folding(self) -> bool:
        """Whether rows are folded, once the last ordinal before that is taken: an event that is open may have it."""
        return self._open is None or self._index > self._fine_limit

    def _fold(self, relation: Relation, operation: Make, row: Row, length: int) -> None:
        self._flush_group()
        fold = self._folds.setdefault(relation.described.oid, Fold(relation))
        fold.add(operation, row, length)
        if len(fold.rows) >= MAX_ROWS or fold.bytes >= MAX_BYTES:
            self._emit_fold(self._folds.pop(relation.described.oid))

    def _emit_fold(self, fold: Fold) -> None:
        relation = fold.relation
        self._emit_arrivals(relation, fold.rows_of(relation.deletes), fold.rows_of(relation.inserts))
        self._emit(relation, relation.updates, fold.rows_of(relation.updates))

    def _flush_group(self) -> None:
        if self._open is not None:
            self._close()
        if self._moves is not None:
            self._emit_moves(self._moves)

    def _emit_moves(self, moves: Moves) -> None:
        self._moves = None
        self._emit_arrivals(moves.relation, moves.left(), moves.here)

    def _emit_arrivals(self, relation: Relation, gone: list[Row], here: list[Row]) -> None:
        """Tell what went away and what is new at its path, which takes nothing of what was there before."""
        self._emit(relation, relation.deletes, gone)
        place = self._index
        self._emit(relation, relation.inserts, here)
        if any(map(relation.is_partial, here)):
            self._arrivals.append(Arrival(relation, self._xid, place, self._ready[-1]))

    def _close(self) -> None:
        self._open = self._relation = None
        self._rows = []

    def _emit(self, relation: Relation, make: Make, rows: list[Row]) -> None:
        """Tell rows that were gathered. Without any they use up their place all the same."""
        for row in rows:
            row["mtime"] = self.mtime
        if rows:
            self._put(relation, make, rows)
        else:
            self._pass_place()

    def _pass_place(self) -> None:
        self._index += 1
        if self._index > self._limit:
            self._overflow()

    def _put(self, relation: Relation, make: Make, rows: list[Row]) -> None:
        index = self._index = self._index + 1
        if index > self._limit:
            self._overflow()
        self._touched.add(relation.container)
        event = make(rows, index)
        if relation.layout is not None:  # an assignment costs as much as the event
            event.layout, relation.layout = relation.layout, None
        self._ready.append(event)

    def _overflow(self) -> NoReturn:
        self._close()
        raise DriverError(
            f"The transaction committed at {format_lsn(self._commit_lsn)} has more than {MAX_ORDINAL} events; "
            "start from -1 with a new snapshot, which contains it"
        )


@dataclass(slots=True)
class Moves:
    """Moves that are gathered: all that goes, then all that comes.

    That is the order of the log as long as no path goes that has come before.
    """

    relation: Relation
    gone: list[Row] = field(default_factory=list)
    here: list[Row] = field(default_factory=list)
    bytes: int = 0
    _arrived: set[str] = field(default_factory=set)

    def add(self, gone: Row, here: Row, length: int) -> None:
        """Add one."""
        self.gone.append(gone)
        self.here.append(here)
        self.bytes += length
        self._arrived.add(here["path"])

    def has_brought(self, row: Row) -> bool:
        """Whether the path of this row has come."""
        return row["path"] in self._arrived

    def left(self) -> list[Row]:
        """Rows that go and do not come back."""
        return [row for row in self.gone if not self.has_brought(row)]


@dataclass(slots=True)
class Fold:
    """Changes of an enormous transaction, folded: the last word on each path of a table, and which operation says it.

    A transaction is seen whole or not at all, so nobody misses the states in between; and one with millions of changes
    that alternate between tables fits into the ordinals that an index has.
    """

    relation: Relation
    rows: dict[str, tuple[Row, Make]] = field(default_factory=dict)
    bytes: int = 0

    def add(self, operation: Make, row: Row, length: int) -> None:
        """Let this row replace what was said of its path before.

        An update that leaves columns out cannot stand for the words before it, which may have had them: it is sent as
        a new row, and a new row is sent whole.
        """
        before = self.rows.get(row["path"])
        relation = self.relation
        if (
            operation is relation.updates
            and before is not None
            and (before[1] is not relation.updates or relation.is_partial(row))
        ):
            operation = relation.inserts
        self.rows[row["path"]] = row, operation
        self.bytes += length

    def rows_of(self, operation: Make) -> list[Row]:
        """The rows of one operation."""
        return [row for row, last in self.rows.values() if last is operation]


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event of new rows, some of them not whole, and the index before it, which is kept for deletes.

    The log repeats no long value that an update has not touched, also where the update gives its row another key. No
    consumer can know what belongs there: what stands at the path is another row's. So these values are read from the
    table, by the new key, once the transaction is visible. They may be newer than it; the change that made them so
    follows in the stream. A row that is not there any more has gone on since, and that follows as well: until then its
    path is empty.
    """

    relation: Relation
    xid: int
    place: int
    event: EventBase


def completed(events: list[EventBase], arrivals: Iterable[Arrival], look_up: LookUp) -> list[EventBase]:
    """These events with all rows of `arrivals` whole; a row that has gone on is sent as a delete of its path."""
    by_relation: dict[int, list[Arrival]] = {}
    for arrival in arrivals:
        by_relation.setdefault(id(arrival.relation), []).append(arrival)
    for same in by_relation.values():
        relation = same[0].relation
        rows = [row for arrival in same for row in arrival.event.rows if relation.is_partial(row)]
        gone = {id(row) for row in look_up(relation, rows, {arrival.xid for arrival in same})}
        if gone:
            for arrival in same:
                events = _without(events, arrival, gone)
    return events


def _without(events: list[EventBase], arrival: Arrival, gone: set[int]) -> list[EventBase]:
    """These events with the rows of one arrival that are gone moved to the deletes before it."""
    event = arrival.event
    deleted = [_delete(arrival.relation, row) for row in event.rows if id(row) in gone]
    event.rows = [row for row in event.rows if id(row) not in gone]
    at = next(number for number, other in enumerate(events) if other is event)
    if deleted and at > 0 and events[at - 1].index == arrival.place:
        events[at - 1].rows.extend(deleted)
    elif deleted:
        events.insert(at, arrival.relation.deletes(deleted, arrival.place))
        at += 1
    if not event.rows:
        events[at - 1].layout = events[at - 1].layout or event.layout
        del events[at]
    return events


def _delete(relation: Relation, row: Row) -> Row:
    record = {name: value for name, value in row["record"].items() if name in relation.key}
    return {"path": row["path"], "mtime": row["mtime"], "size": None, "record": record}
