"""The shape of rows: where a thing is, when it changed, how large it is, and its record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from fustor_event_model import (
    EventBase,
    EventType,
    MessageSource,
    TableLayout,
)
from fustor_source_postgres._fast.making import event_maker
from fustor_source_postgres._rows.types import Types
from fustor_source_postgres._server.catalog import Table

NO_SCHEMA = "public"
"""The `event_schema` of what belongs to no schema: it takes a name, and this one exists by default."""
FIELD_TYPES = {
    "path": "string",
    "mtime": "number",
    "size": "integer",
    "record": "object",
    "parent_path": "string",
    "parent_mtime": "number",
    "is_directory": "boolean",
    "audit_skipped": "boolean",
}
ROW_FIELDS = ("path", "mtime", "size", "record")
AUDIT_FIELDS = (*ROW_FIELDS, "parent_path", "parent_mtime")


Row = dict[str, Any]
"""A row of an event: `ROW_FIELDS`, or more of `FIELD_TYPES`."""
_SYSTEM = "postgresql"
_NULL = "%00"  # no text of PostgreSQL holds a NUL, so no value is encoded like this
_EMPTY = "%FF"  # no UTF-8 text holds this byte
_DOTS = {".": "%2E", "..": "%2E%2E"}  # a path that is normalised on its way must not climb


def encode(text: str | bytes | None) -> str:
    """One part of a path: percent-encoded, so that it has no `/` and no `,` of its own."""
    return _NULL if text is None else quote(text, safe="")


def _name(text: str) -> str:
    encoded = encode(text)
    return _DOTS.get(encoded, encoded)


def table_path(schema: str, table: str) -> str:
    """The container of a table's rows."""
    return f"/{_name(schema)}/{_name(table)}"


def schema_path(schema: str) -> str:
    """The container of a schema's tables."""
    return f"/{_name(schema)}"


def key_name(key: Iterable[str | bytes | None]) -> str:
    """A row's name in its table: the text values of its key's columns. Never empty, and never `.` or `..`."""
    name = ",".join(map(encode, key))
    return _DOTS.get(name, name) or _EMPTY


def key_of(name: str) -> list[str | None]:
    """The key that `key_name` has made a row's name of."""
    if name == _EMPTY:
        return [""]
    return [None if part == _NULL else unquote(part, errors="strict") for part in name.split(",")]


def layout_of(columns: Sequence[tuple[str, int]], key: Sequence[str], types: Types) -> TableLayout:
    """The layout of columns, each a name and the oid of a type that `types` has learned."""
    return TableLayout.model_construct(
        system=_SYSTEM,
        columns={name: types[oid].name for name, oid in columns},
        key=tuple(key),
        labels={name: types[oid].labels for name, oid in columns if types[oid].labels},
    )


def rows_event(
    table: Table, phase: MessageSource, layout: TableLayout, rows: list[Row], *, fields: tuple[str, ...], index: int
) -> EventBase:
    """An event of rows of a table that was read in bulk."""
    event = event_maker(EventType.UPDATE, phase, table.schema, table.name, fields)(rows, index)
    event.layout = layout
    return event


def make_marker(index: int) -> EventBase:
    """A realtime event without rows: everything up to `index` has been sent."""
    return event_maker(EventType.UPDATE, MessageSource.REALTIME, NO_SCHEMA, "", ())([], index)


@dataclass(frozen=True, slots=True)
class Container:
    """The root, a schema or a table: where it is, and what its events are labelled with."""

    path: str
    parent: str
    schema: str = NO_SCHEMA
    table: str = ""

    def event(self, mtime: float, parent_mtime: float, *, skipped: bool, phase: MessageSource, index: int) -> EventBase:
        """The container's row; `skipped` says that its children were not listed."""
        row: Row = {
            "path": self.path,
            "mtime": mtime,
            "size": 0,
            "is_directory": True,
            "parent_path": self.parent,
            "parent_mtime": parent_mtime,
            "record": {},
        }
        if skipped:
            row["audit_skipped"] = True
        return event_maker(EventType.UPDATE, phase, self.schema, self.table, tuple(row))([row], index)


ROOT = Container("/", "")


def schema_container(schema: str) -> Container:
    """The container of a schema's tables."""
    return Container(schema_path(schema), "/", schema)


def table_container(table: Table) -> Container:
    """The container of a table's rows."""
    return Container(table_path(table.schema, table.name), schema_path(table.schema), table.schema, table.name)
