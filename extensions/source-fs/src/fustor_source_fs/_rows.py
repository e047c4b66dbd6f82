"""Rows, and the events that carry them: which fields a row has, and where they come from, is said here alone."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from stat import S_IFDIR, S_IFREG
from typing import Any, NamedTuple, TypeAlias

from fustor_event_model import DeleteEvent, EventBase, MessageSource, UpdateEvent

__all__ = [
    "AUDIT",
    "AUDIT_SKIPPED",
    "DELETE",
    "FIELDS",
    "SUSPECT",
    "UPSERT",
    "UPSERT_SKIPPED",
    "EventWriter",
    "Finished",
    "Row",
    "Shape",
    "Status",
    "first_event",
    "gone_now",
    "row",
    "row_in",
    "rows_of",
    "skipped",
    "split",
]

Row: TypeAlias = dict[str, Any]

FIELDS = {
    "path": "string",
    "file_name": "string",
    "parent_path": "string",
    "mtime": "number",
    "modified_time": "number",
    "size": "integer",
    "is_directory": "boolean",
    "parent_mtime": "number",
    "is_atomic_write": "boolean",
    "audit_skipped": "boolean",
}
"""Every key that a row can have, and its JSON type. The last three are in the rows of some shapes only."""

_PLAIN = tuple(FIELDS)[:-3]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of one event have in common: the type of the event and the keys of every row."""

    event: type[UpdateEvent | DeleteEvent]
    fields: tuple[str, ...]


UPSERT = Shape(UpdateEvent, _PLAIN)
UPSERT_SKIPPED = Shape(UpdateEvent, (*_PLAIN, "audit_skipped"))
SUSPECT = Shape(UpdateEvent, (*_PLAIN, "is_atomic_write"))
DELETE = Shape(DeleteEvent, _PLAIN)
AUDIT = Shape(UpdateEvent, (*_PLAIN, "parent_mtime"))
AUDIT_SKIPPED = Shape(UpdateEvent, (*_PLAIN, "parent_mtime", "audit_skipped"))


class _Gone(NamedTuple):
    st_mtime: float
    st_size: None
    st_mode: int


Status: TypeAlias = os.stat_result | _Gone
"""What a row takes from an entry: its time, its size and its kind."""


def gone_now(*, is_directory: bool) -> Status:
    """The status of an entry that is gone: its time is that at which this is reported."""
    return _Gone(time.time(), None, S_IFDIR if is_directory else S_IFREG)


def row_in(parent: str, prefix: str, name: str, status: Status, parent_mtime: float | None = None) -> Row:
    """The row of one entry of `parent`, as `rows_of` makes it."""
    return rows_of(((name, status),), parent, prefix, parent_mtime)[0]


def rows_of(
    entries: Iterable[tuple[str, Status]], parent: str, prefix: str, parent_mtime: float | None = None
) -> list[Row]:
    """The rows of entries of `parent`, each given by the text of its name and its status.

    `prefix` is what stands before the name in a path. In an audit rows say their parent's mtime.
    """
    rows: list[Row] = [
        {
            "path": prefix + name,
            "file_name": name,
            "parent_path": parent,
            "mtime": (mtime := status.st_mtime),
            "modified_time": mtime,
            "size": status.st_size,
            "is_directory": status.st_mode & 0o170000 == S_IFDIR,
        }
        for name, status in entries
    ]
    if parent_mtime is not None:
        for one in rows:
            one["parent_mtime"] = parent_mtime
    return rows


def row(path: str, status: Status, parent_mtime: float | None = None) -> Row:
    """The row of an entry by its path."""
    parent, name = split(path)
    return row_in(parent, path.removesuffix(name), name, status, parent_mtime)


def skipped(rows: list[Row], *, for_released_view: bool = True) -> list[Row]:
    """The rows of containers of which nothing is claimed but that they are there; they are changed in place.

    The released view keeps the mark of a container until a row with a greater `modified_time` comes, which it alone
    reads. So that the container's next listing takes the mark away, the time here is the one just below.
    """
    for one in rows:
        one["audit_skipped"] = True
        if for_released_view:
            one["modified_time"] = math.nextafter(one["mtime"], -math.inf)
    return rows


def split(path: str) -> tuple[str, str]:
    """The parent's path and the last name of a row's path; of the root two empty strings."""
    if path == "/":
        return "", ""
    parent, _, name = path.rpartition("/")
    return parent or "/", name


@dataclass(frozen=True, slots=True)
class Finished:
    """An event, and what is to be remembered of containers in it, by their paths, once it is handed over."""

    event: EventBase
    notes: dict[str, Any]


def first_event() -> EventBase:
    """An event without rows, for a host that may never deliver what a stream yields first."""
    return UpdateEvent(fields=[], rows=[], index=-1, event_schema="fs", table="", message_source=MessageSource.REALTIME)


class EventWriter:
    """Cuts rows, in the order in which they come, into events of one shape and at most `limit` rows.

    Its methods return the events that are finished by what they are given: iterate them before the next call.
    """

    def __init__(self, source: MessageSource, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._shape = UPSERT
        self._rows: list[Row] = []
        self._notes: dict[str, Any] = {}

    def put(self, shape: Shape, rows: list[Row], notes: dict[str, Any] | None = None) -> Iterable[Finished]:
        """Add rows, and what is to be remembered of containers among them.

        Rows that fit into one event are not divided. `rows` and `notes` are the writer's from then on.
        """
        if shape is not self._shape or len(self._rows) + len(rows) > self._limit:
            return self._put_divided(shape, rows, notes)
        self._rows.extend(rows)
        if notes:
            self._notes.update(notes)
        return ()

    def _put_divided(self, shape: Shape, rows: list[Row], notes: dict[str, Any] | None) -> Iterator[Finished]:
        limit = self._limit
        for start in range(0, len(rows), limit):
            part = rows[start : start + limit]
            if shape is not self._shape or len(self._rows) + len(part) > limit:
                yield from self.cut()
                self._shape = shape
            self._rows.extend(part)
        if notes:
            self._notes.update(notes)

    def cut(self) -> Iterator[Finished]:
        """End the event in the making, if it holds a row."""
        if not self._rows:
            return
        event = self._shape.event(
            fields=list(self._shape.fields),
            rows=self._rows,
            index=-1,
            event_schema="fs",
            table="",
            message_source=self._source,
        )
        finished = Finished(event, self._notes)
        self._rows, self._notes = [], {}
        yield finished
