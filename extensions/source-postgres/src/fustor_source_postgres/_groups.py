"""Rows of one transaction, grouped into events.

The cut depends on nothing but the log: at another table, at another operation, at 1,000 rows and at 4 MiB. So an event
has the same ordinal on every replay, whatever the host asks for. After half of the ordinals that an index has, the rest
of the transaction is folded.
"""

from __future__ import annotations

from typing import Any, NoReturn

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType, MessageSource
from fustor_source_postgres._events import Make, event_maker, make_marker
from fustor_source_postgres._folding import Fold, Folds
from fustor_source_postgres._position import MAX_ORDINAL, base_index, format_lsn
from fustor_source_postgres._relation import Relation
from fustor_source_postgres._shared import Shared

MAX_ROWS = 1_000
MAX_BYTES = 4 << 20
FINE_EVENTS = MAX_ORDINAL // 2
_CONTAINER_DELETE_FIELDS = ("path", "mtime", "size", "is_directory", "record")
Row = dict[str, Any]


class Groups:
    """The open group of a transaction, and the events that are closed.

    No row's `mtime` is below the clock of `shared`. `fine_events` is how many events of a transaction keep the order of
    the log; it is part of what makes ordinals the same on every replay.
    """

    def __init__(self, shared: Shared, fine_events: int = FINE_EVENTS) -> None:
        self._fine_events = fine_events
        self._fine_limit = 0
        self._folds = Folds()
        self._shared = shared
        self.ready: list[EventBase] = []
        self._commit_lsn = 0
        self._index = 0
        self._limit = 0
        self.mtime = 0.0
        self._open: Relation | None = None
        self._operation: Make | None = None
        self._rows: list[Row] = []
        self._gone: list[Row] = []
        self._arrived: set[str] = set()
        self._bytes = 0

    def begin(self, commit_lsn: int, mtime: float) -> None:
        """Start a transaction; what another one left open is forgotten."""
        self._commit_lsn = commit_lsn
        self._index = base_index(commit_lsn)
        self._limit = self._index + MAX_ORDINAL
        self._fine_limit = self._index + self._fine_events
        self._folds.clear()
        self.mtime = mtime
        self._clear()

    def add(self, relation: Relation, operation: Make, row: Row, length: int) -> None:
        """Add a row that stays where it is; `operation` is the relation's own."""
        if self._index >= self._fine_limit:
            self._fold(relation, row, length, is_gone=operation is relation.deletes)
            return
        rows = self._rows
        if (
            relation is not self._open
            or operation is not self._operation
            or len(rows) >= MAX_ROWS
            or self._bytes >= MAX_BYTES
            or self._gone
        ):
            if rows:
                self._flush_group()
            self._open, self._operation = relation, operation
            rows = self._rows
        rows.append(row)
        self._bytes += length

    def move(self, relation: Relation, gone: Row, row: Row, length: int) -> None:
        """Add a row whose key has changed: its old path goes, its new one comes.

        Moves are gathered: all that goes, then all that comes. That is the order of the log as long as no path goes
        that has come in the same group.
        """
        if self._index >= self._fine_limit:
            self._fold(relation, gone, 0, is_gone=True)
            self._fold(relation, row, length, is_gone=False)
            return
        if (
            relation is not self._open
            or not self._gone
            or gone["path"] in self._arrived
            or len(self._rows) >= MAX_ROWS
            or self._bytes >= MAX_BYTES
        ):
            self._flush_group()
            self._open = relation
            self._operation = relation.updates
        self._gone.append(gone)
        self._rows.append(row)
        self._arrived.add(row["path"])
        self._bytes += length

    def empty(self, relation: Relation) -> None:
        """Tell that everything below a container went away."""
        self.flush()
        row = {"path": relation.container, "mtime": self.mtime, "size": None, "is_directory": True, "record": {}}
        described = relation.described
        make = event_maker(
            EventType.DELETE, MessageSource.REALTIME, described.schema, described.table, _CONTAINER_DELETE_FIELDS
        )
        self._emit(relation, make, [row])

    def mark(self, *, visible: bool) -> None:
        """Use up a place in the transaction, and tell that it is passed where somebody waits for that."""
        self.flush()
        self._index += 1
        if self._index > self._limit:
            self._overflow()
        if visible:
            self.ready.append(make_marker(self._index))

    def close(self, relation: Relation) -> None:
        """Close what is open of one table; what is open of others depends on the log alone."""
        if relation is self._open:
            self._flush_group()
        if self._folds.has(relation):
            self._emit_fold(self._folds.take(relation))

    def flush(self) -> None:
        """Close the open group, and what is folded."""
        self._flush_group()
        for fold in self._folds.take_all():
            self._emit_fold(fold)

    def _fold(self, relation: Relation, row: Row, length: int, *, is_gone: bool) -> None:
        self._flush_group()
        fold = self._folds.of(relation)
        fold.add(row, length, is_gone=is_gone)
        if len(fold.rows) >= MAX_ROWS or fold.bytes >= MAX_BYTES:
            self._emit_fold(self._folds.take(relation))

    def _emit_fold(self, fold: Fold) -> None:
        self._emit(fold.relation, fold.relation.deletes, fold.gone())
        self._emit(fold.relation, fold.relation.updates, fold.here())

    def _flush_group(self) -> None:
        relation, operation, gone = self._open, self._operation, self._gone
        if relation is None or operation is None:
            return
        if gone:
            self._emit(relation, relation.deletes, [row for row in gone if row["path"] not in self._arrived])
        self._emit(relation, operation, self._rows)
        self._clear()

    def _clear(self) -> None:
        self._open = None
        self._rows = []
        self._bytes = 0
        if self._gone:
            self._gone, self._arrived = [], set()

    def _emit(self, relation: Relation, make: Make, rows: list[Row]) -> None:
        index = self._index = self._index + 1
        if index > self._limit:
            self._overflow()
        shared = self._shared
        if shared.clock > self.mtime:  # a snapshot or an audit has read a later clock since
            self.mtime = shared.clock
            for row in rows:
                row["mtime"] = self.mtime
        if rows:
            shared.touch(relation.container)
            self.ready.append(make(rows, index))

    def _overflow(self) -> NoReturn:
        raise DriverError(
            f"The transaction committed at {format_lsn(self._commit_lsn)} has more than {MAX_ORDINAL} events; "
            "start from -1 with a new snapshot, which contains it"
        )
