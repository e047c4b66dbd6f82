"""One batch: its events in order, gathered into runs; what the database refuses is set aside row by row."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg2
from psycopg2 import sql
from pydantic_core import to_json

from fustor_event_model import EventBase, LifecycleSignal, MessageSource
from fustor_pusher_postgres._audit import end_audit, start_audit
from fustor_pusher_postgres._bulk import write_blocks
from fustor_pusher_postgres._errors import is_refusal
from fustor_pusher_postgres._replace import end_snapshot
from fustor_pusher_postgres._rows import Origin, RowRefused, Run, parse_row
from fustor_pusher_postgres._schema import DEAD_LETTERS, qualified
from fustor_pusher_postgres._write import Writer

__all__ = ["REFUSALS", "Batch", "Refused", "write_batch"]

Item: TypeAlias = tuple[EventBase, list[Any]]
"""Rows, with the event that they came in."""
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


@dataclass(slots=True)
class Refused:
    """What of a batch was not done."""

    rows: int = 0
    deletions: int = 0


def write_batch(writer: Writer, batch: Batch, *, carefully: bool) -> Refused:
    """Write a batch in the order of its events; return what of it was refused.

    Raises:
        psycopg2.Error: the database refuses something; `carefully` it is then only the row that goes.
    """
    state = writer.state
    floor = state.realtime_index
    write = _write_carefully if carefully else _write_quickly
    items: list[Item] = []
    refused = Refused()
    if carefully:
        writer.cur.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that a row is refused by itself, not by the commit
    for event in batch.events:
        if event.message_source is MessageSource.REALTIME and -1 < event.index <= floor:
            continue  # this session has told it before: older news
        if event.signal is LifecycleSignal.AUDIT_START:
            refused.rows += write(writer, items)
            items = []
            start_audit(writer)
        if event.rows and _counts(writer, event.message_source):
            writer.declarations.tell(event)
            items.append((event, event.rows))
        if event.signal is LifecycleSignal.AUDIT_END:
            refused.rows += write(writer, items)
            items = []
            refused.deletions += end_audit(writer, is_allowed=batch.allows_deletions)
    refused.rows += write(writer, items)
    state.advance(batch.events, is_snapshot=batch.is_snapshot, is_snapshot_end=batch.is_snapshot_end)
    if batch.is_snapshot_end:
        refused.deletions += end_snapshot(writer, is_allowed=batch.allows_deletions)
    return refused


def _counts(writer: Writer, source: MessageSource) -> bool:
    """Whether rows of this source are of any effect now."""
    state = writer.state
    if source is MessageSource.SNAPSHOT:
        state.has_snapshot_rows = state.has_snapshot_rows or state.snapshot_open
        return state.snapshot_open
    return source is MessageSource.REALTIME or state.audit_since is not None


def _write_quickly(writer: Writer, items: list[Item]) -> int:
    if items and not write_blocks(writer, items):
        _write(writer, items)
    return 0


def _write(writer: Writer, items: list[Item]) -> None:
    run: Run | None = None
    for event, rows in items:
        origin = Origin.of(event)
        for row in rows:
            path, mtime = parse_row(row)
            if run is not None:
                if run.source is origin.source and run.take(origin, row, path, mtime):
                    continue
                writer.write(run)
            run = Run(origin.source)
            run.take(origin, row, path, mtime)
    if run is not None:
        writer.write(run)


def _write_carefully(writer: Writer, items: list[Item]) -> int:
    """Write what can be written: halved where something is refused, until the rows are found that are."""
    if not items:
        return 0
    reason = _attempt(writer, items)
    if reason is None:
        return 0
    if len(items) == 1 and len(items[0][1]) == 1:
        event, (row,) = items[0]
        record = row.get("record") if isinstance(row, dict) else None
        if isinstance(record, dict) and writer.declarations.give_way((event.event_schema, event.table), record):
            reason = _attempt(writer, items)
            if reason is None:
                return 0
        _set_aside(writer, event, row, reason)
        return 1
    return sum(_write_carefully(writer, half) for half in _halves(items))


def _halves(items: list[Item]) -> tuple[list[Item], list[Item]]:
    if len(items) > 1:
        return items[: len(items) // 2], items[len(items) // 2 :]
    event, rows = items[0]
    return [(event, rows[: len(rows) // 2])], [(event, rows[len(rows) // 2 :])]


def _attempt(writer: Writer, items: list[Item]) -> str | None:
    """Write the items, or nothing and say why not."""
    before = copy.copy(writer.state), writer.tables.all()
    writer.cur.execute("SAVEPOINT fustor")
    try:
        _write(writer, items)
    except REFUSALS as error:
        if isinstance(error, psycopg2.Error) and not is_refusal(error):
            raise
        writer.cur.execute("ROLLBACK TO SAVEPOINT fustor")
        writer.restore(*before)
        return " ".join(str(error).split())
    writer.cur.execute("RELEASE SAVEPOINT fustor")
    return None


def _set_aside(writer: Writer, event: EventBase, row: Any, reason: str) -> None:
    """Keep a refused row; its path counts as reported, so that what is known of it does not go."""
    query = sql.SQL(
        "INSERT INTO {} (task, session_id, event_schema, event_table, event_type, message_source, event_index, path,"
        " row, reason) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    ).format(qualified(writer.schema, DEAD_LETTERS))
    path = row.get("path") if isinstance(row, dict) else None
    state = writer.state
    names = (state.task, state.session_id, event.event_schema, event.table)
    kinds = (event.event_type.value, event.message_source.value, event.index)
    texts = (path if isinstance(path, str) else None, _shown(row), reason)
    values = (*names, *kinds, *texts)
    writer.cur.execute(query, [_storable(value) if isinstance(value, str) else value for value in values])
    _note(writer, event, row)


def _note(writer: Writer, event: EventBase, row: Any) -> None:
    try:
        path, mtime = parse_row(row)
        path.encode()
    except (RowRefused, UnicodeEncodeError):
        return
    run = Run(event.message_source)
    run.take(Origin.of(event), row, path, mtime)
    before = copy.copy(writer.state), writer.tables.all()
    writer.cur.execute("SAVEPOINT fustor_note")
    try:
        writer.note(list(run.entries.values()), event.message_source)
    except psycopg2.Error as error:
        if not is_refusal(error):
            raise
        writer.cur.execute("ROLLBACK TO SAVEPOINT fustor_note")
        writer.restore(*before)


def _shown(row: Any) -> str:
    """A refused row as a text, in the best form that it has."""
    for form in (_as_json, repr, _as_lenient_json):
        try:
            return form(row)
        except (TypeError, ValueError, RecursionError):  # a key, a number or a depth that this form cannot have
            continue
    return f"a {type(row).__name__} that no text can show"


def _as_json(row: Any) -> str:
    return json.dumps(row, default=repr)


def _as_lenient_json(row: Any) -> str:
    return to_json(row, fallback=repr).decode()


def _storable(text: str) -> str:
    """A text with what no text of a database can hold written out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
