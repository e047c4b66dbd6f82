"""Events as flat rows, one schema for all drivers, and flat rows as the same events again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fustor_event_model import EventBase, EventType, MessageSource, TableLayout, event_class

__all__ = ["COLUMNS", "FlatRow", "events_of", "flat_rows"]

_MAX_ROWS = 1_000


class FlatRow(NamedTuple):
    """One row of one event, with what the event says of it.

    `position` is the event's index: `index` is a method of every tuple. `row` is the whole row, so `path` and the other
    three stand there too; they are copied to be keys and filters of an engine. `layout` stands on the first row of an
    event that has one.
    """

    event_type: str
    message_source: str
    event_schema: str
    table: str
    position: int
    path: str
    mtime: float
    size: int | None
    parent_mtime: float | None
    layout: dict[str, Any] | None
    row: dict[str, Any]


COLUMNS: tuple[str, ...] = FlatRow._fields
"""The names of the columns, in order."""


def flat_rows(event: EventBase) -> Iterator[FlatRow]:
    """The rows of an event; none of one without rows, whose index the caller has to look at itself."""
    said = (
        event.event_type.value,
        event.message_source.value,
        event.event_schema,
        event.table,
        event.index,
    )
    layout = event.layout.model_dump(mode="json") if event.layout is not None else None
    for row in event.rows:
        yield FlatRow(*said, row["path"], row["mtime"], row["size"], row.get("parent_mtime"), layout, row)
        layout = None


def events_of(rows: Iterable[FlatRow], max_rows: int = _MAX_ROWS) -> Iterator[EventBase]:
    """The events that flat rows were made of, in order.

    Rows of one position are one event again, however many: to split it would let half of it pass for the whole. Rows
    without a position, and those of a snapshot, which may share one, are put together up to `max_rows`.

    Raises:
        ValueError: a row is not one of an event; pydantic's ValidationError is one.
    """
    group: list[FlatRow] = []
    for row in rows:
        if group and not _belongs(row, group, max_rows):
            yield _event(group)
            group = []
        group.append(row)
    if group:
        yield _event(group)


def _belongs(row: FlatRow, group: list[FlatRow], max_rows: int) -> bool:
    if row.layout is not None or row[:5] != group[0][:5]:
        return False
    return len(group) < max_rows or (row.position >= 0 and row.message_source == MessageSource.REALTIME)


def _event(group: list[FlatRow]) -> EventBase:
    first = group[0]
    rows = [row.row for row in group]
    kind = EventType(first.event_type)
    return event_class(kind)(
        event_type=kind,
        fields=list(dict.fromkeys(name for row in rows for name in row)),
        rows=rows,
        index=first.position,
        event_schema=first.event_schema,
        table=first.table,
        message_source=MessageSource(first.message_source),
        layout=TableLayout.model_validate(first.layout) if first.layout is not None else None,
    )
