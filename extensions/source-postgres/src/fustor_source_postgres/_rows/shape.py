"""The shape of rows: where a thing is, when it changed, how large it is, and its record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from fustor_event_model import (
    EventBase,
    EventType,
    LifecycleSignal,
    MessageSource,
    TableLayout,
    UpdateEvent,
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


_SYSTEM = "postgresql"


def layout_of(columns: Sequence[tuple[str, int]], key: Sequence[str], types: Types) -> TableLayout:
    """The layout of columns, each a name and the oid of a type that `types` has learned."""
    return TableLayout.model_construct(
        system=_SYSTEM,
        columns={name: types.name(oid) for name, oid in columns},
        key=tuple(key),
        labels={name: labels for name, oid in columns if (labels := types.labels(oid))},
    )


def make_event(
    event_type: EventType,
    source: MessageSource,
    schema: str,
    table: str,
    *,
    fields: tuple[str, ...],
    rows: list[dict[str, Any]],
    index: int = -1,
    layout: TableLayout | None = None,
) -> EventBase:
    """One event, made by an `event_maker`."""
    event = event_maker(event_type, source, schema, table, fields)(rows, index)
    event.layout = layout
    return event


def make_marker(index: int) -> EventBase:
    """A realtime event without rows: everything up to `index` has been told."""
    return make_event(EventType.UPDATE, MessageSource.REALTIME, NO_SCHEMA, "", fields=(), rows=[], index=index)


_FIELDS = ("path", "mtime", "size", "is_directory", "parent_path", "parent_mtime", "record")
_SKIPPED_FIELDS = (*_FIELDS, "audit_skipped")


@dataclass(frozen=True, slots=True)
class Container:
    """The root, a schema or a table: where it is, and what its events are labelled with."""

    path: str
    parent: str
    schema: str = NO_SCHEMA
    table: str = ""

    def event(self, mtime: float, parent_mtime: float, *, skipped: bool, phase: MessageSource, index: int) -> EventBase:
        """The container's row; `skipped` says that its children were not listed."""
        row: dict[str, Any] = {
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
        fields = _SKIPPED_FIELDS if skipped else _FIELDS
        return make_event(EventType.UPDATE, phase, self.schema, self.table, fields=fields, rows=[row], index=index)


ROOT = Container("/", "")


def schema_container(schema: str) -> Container:
    """The container of a schema's tables."""
    return Container(schema_path(schema), "/", schema)


def table_container(table: Table) -> Container:
    """The container of a table's rows."""
    return Container(table_path(table.schema, table.name), schema_path(table.schema), table.schema, table.name)


def audit_rows(
    table: Table, layout: TableLayout, parent: Container, parent_mtime: float, rows: list[dict[str, Any]]
) -> EventBase:
    """An audit's event of rows, each told where it lies."""
    for row in rows:
        row["parent_path"] = parent.path
        row["parent_mtime"] = parent_mtime
    return make_event(
        EventType.UPDATE,
        MessageSource.AUDIT,
        table.schema,
        table.name,
        fields=AUDIT_FIELDS,
        rows=rows,
        layout=layout,
    )


def signal_event(signal: LifecycleSignal) -> EventBase:
    """A bracket of an audit."""
    return UpdateEvent(
        fields=[], rows=[], event_schema=NO_SCHEMA, table="", message_source=MessageSource.AUDIT, signal=signal
    )
