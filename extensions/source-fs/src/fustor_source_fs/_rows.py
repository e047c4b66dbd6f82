"""Rows, and the events that carry them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from os import stat_result
from stat import S_ISDIR
from typing import Any, TypeAlias

from fustor_event_model import DeleteEvent, EventBase, MessageSource, UpdateEvent

__all__ = [
    "AUDIT",
    "AUDIT_SKIPPED",
    "DELETE",
    "SUSPECT",
    "UPSERT",
    "UPSERT_SKIPPED",
    "EventWriter",
    "Finished",
    "Row",
    "Shape",
    "delete_row",
    "row",
    "split",
]

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of one event have in common: the type of the event and the keys of every row."""

    event: type[UpdateEvent | DeleteEvent]
    fields: tuple[str, ...]


_FIELDS = ("path", "file_name", "parent_path", "mtime", "modified_time", "size", "is_directory")
UPSERT = Shape(UpdateEvent, _FIELDS)
UPSERT_SKIPPED = Shape(UpdateEvent, (*_FIELDS, "audit_skipped"))
SUSPECT = Shape(UpdateEvent, (*_FIELDS, "is_atomic_write"))
DELETE = Shape(DeleteEvent, _FIELDS)
AUDIT = Shape(UpdateEvent, (*_FIELDS, "parent_mtime"))
AUDIT_SKIPPED = Shape(UpdateEvent, (*_FIELDS, "parent_mtime", "audit_skipped"))


def split(path: str) -> tuple[str, str]:
    """The parent's path and the last name of a row's path; of the root two empty strings."""
    if path == "/":
        return "", ""
    parent, _, name = path.rpartition("/")
    return parent or "/", name


def row(path: str, status: stat_result) -> Row:
    """The row of an entry that exists."""
    parent, name = split(path)
    return {
        "path": path,
        "file_name": name,
        "parent_path": parent,
        "mtime": status.st_mtime,
        "modified_time": status.st_mtime,
        "size": status.st_size,
        "is_directory": S_ISDIR(status.st_mode),
    }


def delete_row(path: str, *, is_directory: bool) -> Row:
    """The row of an entry that is gone, with the time at which that is told."""
    parent, name = split(path)
    now = time.time()
    return {
        "path": path,
        "file_name": name,
        "parent_path": parent,
        "mtime": now,
        "modified_time": now,
        "size": None,
        "is_directory": is_directory,
    }


@dataclass(frozen=True, slots=True)
class Finished:
    """An event, and what is to be remembered of the containers in it once it is handed over.

    `mtimes` are for the host: of the containers that were listed. `notes` are the driver's own, by path.
    """

    event: EventBase
    mtimes: dict[str, float]
    notes: dict[str, Any]


class EventWriter:
    """Cuts rows, in the order in which they come, into events of one shape and at most `limit` rows.

    `ready` holds the finished events.
    """

    def __init__(self, source: MessageSource, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._shape = UPSERT
        self._rows: list[Row] = []
        self._mtimes: dict[str, float] = {}
        self._notes: dict[str, Any] = {}
        self.ready: list[Finished] = []

    def put(self, shape: Shape, rows: list[Row], notes: dict[str, Any] | None = None) -> None:
        """Add rows, at most as many as one event holds, and what is to be remembered of containers among them.

        `notes` is the writer's from then on.
        """
        if shape is not self._shape or len(self._rows) + len(rows) > self._limit:
            self.cut()
            self._shape = shape
        self._rows.extend(rows)
        if notes:
            if self._notes:
                self._notes.update(notes)
            else:
                self._notes = notes

    def put_container(self, shape: Shape, one: Row, note: Any = None, *, listed: bool = False) -> None:
        """Add a container's row, and what is to be remembered of it when the row is handed over."""
        self.put(shape, [one])
        if note is not None:
            self._notes[one["path"]] = note
        if listed:
            self._mtimes[one["path"]] = one["mtime"]

    def cut(self) -> None:
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
        self.ready.append(Finished(event, self._mtimes, self._notes))
        self._rows, self._mtimes, self._notes = [], {}, {}

    def take(self) -> list[Finished]:
        """The finished events, which are then the caller's."""
        ready, self.ready = self.ready, []
        return ready
