"""One batch: its events in order, gathered into runs; what the database refuses is set aside row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg2

from fustor_event_model import EventBase, LifecycleSignal, MessageSource
from fustor_pusher_postgres._fast.blocks import Item
from fustor_pusher_postgres._fast.copying import Copier
from fustor_pusher_postgres._server import is_refusal
from fustor_pusher_postgres._tables.paths import parse_row
from fustor_pusher_postgres._write.ends import end_audit, end_snapshot, start_audit
from fustor_pusher_postgres._write.refusals import Refusal, Refused, Row, set_aside
from fustor_pusher_postgres._write.rows import Origin, Run
from fustor_pusher_postgres._write.runs import write_run
from fustor_pusher_postgres._write.writer import Savepoint, Writer

REFUSALS = (psycopg2.Error, ValueError)
"""What a row can be refused by: a value that cannot be sent, or an error of the database that `is_refusal` knows."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the host pushed."""

    events: Sequence[EventBase]
    is_snapshot: bool
    is_snapshot_end: bool
    allows_deletions: bool = False
    """Whether the user gave leave for what the guard against mass deletion would refuse."""

    @property
    def row_count(self) -> int:
        """The rows of its events."""
        return sum(len(event.rows) for event in self.events)


def write_batch(writer: Writer, batch: Batch, copier: Copier | None) -> Refused:
    """Write a batch in the order of its events; return what of it was refused.

    Args:
        writer: Where to.
        batch: The batch.
        copier: Writes what it can; None: rows are written carefully, so that those that are refused are set aside.

    Raises:
        psycopg2.Error: the database refuses something; carefully, it is then only the row that goes.
    """
    state = writer.state
    floor = state.realtime_index
    items: list[Item] = []
    rows: list[Row] = []
    deletions = 0
    if copier is None:
        writer.cur.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that a row is refused by itself, not by the commit
    for event in batch.events:
        if event.message_source is MessageSource.REALTIME and -1 < event.index <= floor:
            continue  # this session has reported it before: older news
        if event.signal is LifecycleSignal.AUDIT_START:
            rows += _write(writer, items, copier)
            items = []
            start_audit(writer)
        if event.rows and _counts(writer, event.message_source):
            writer.declarations.declare(event)
            items.append((event, event.rows))
        if event.signal is LifecycleSignal.AUDIT_END:
            rows += _write(writer, items, copier)
            items = []
            deletions += end_audit(writer, is_allowed=batch.allows_deletions)
    rows += _write(writer, items, copier)
    state.advance(batch.events, is_snapshot=batch.is_snapshot, is_snapshot_end=batch.is_snapshot_end)
    if batch.is_snapshot_end:
        deletions += end_snapshot(writer, is_allowed=batch.allows_deletions)
    return Refused(rows, deletions)


def _counts(writer: Writer, source: MessageSource) -> bool:
    """Whether rows of this source are of any effect now."""
    state = writer.state
    if source is MessageSource.SNAPSHOT:
        state.has_snapshot_rows = state.has_snapshot_rows or state.snapshot_open
        return state.snapshot_open
    return source is MessageSource.REALTIME or state.audit_since is not None


def _write(writer: Writer, items: list[Item], copier: Copier | None) -> list[Row]:
    if not items:
        return []
    if copier is None:
        return _write_carefully(writer, items)
    if not copier.write(items):
        _write_runs(writer, items)
    return []


def _write_runs(writer: Writer, items: list[Item]) -> None:
    run: Run | None = None
    for event, rows in items:
        origin = Origin.of(event)
        for row in rows:
            path, mtime = parse_row(row)
            if run is not None:
                if run.source is origin.source and run.take(origin, row, path, mtime):
                    continue
                write_run(writer, run)
            run = Run(origin.source)
            run.take(origin, row, path, mtime)
    if run is not None:
        write_run(writer, run)


def _write_carefully(writer: Writer, items: list[Item]) -> list[Row]:
    """Write what can be written: halved where something is refused, until the rows are found that are."""
    refusal = _attempt(writer, items)
    if refusal is None:
        return []
    if len(items) == 1 and len(items[0][1]) == 1:
        event, (row,) = items[0]
        record = row.get("record") if isinstance(row, dict) else None
        if isinstance(record, dict) and writer.declarations.give_way((event.event_schema, event.table), record):
            refusal = _attempt(writer, items)
            if refusal is None:
                return []
        set_aside(writer, event, row, refusal)
        return [Row(row.get("path") if isinstance(row, Mapping) else None, refusal)]
    return [row for half in _halves(items) for row in _write_carefully(writer, half)]


def _halves(items: list[Item]) -> tuple[list[Item], list[Item]]:
    if len(items) > 1:
        return items[: len(items) // 2], items[len(items) // 2 :]
    event, rows = items[0]
    return [(event, rows[: len(rows) // 2])], [(event, rows[len(rows) // 2 :])]


def _attempt(writer: Writer, items: list[Item]) -> Refusal | None:
    """Write the items, or nothing and say why not."""
    savepoint = Savepoint(writer)
    try:
        _write_runs(writer, items)
    except REFUSALS as error:
        if isinstance(error, psycopg2.Error) and not is_refusal(error):
            raise
        savepoint.go_back()
        return Refusal.of(error)
    savepoint.release()
    return None
