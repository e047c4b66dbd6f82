"""Events of containers and of audits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource, TableLayout, UpdateEvent
from fustor_source_postgres._rows.events import make_event
from fustor_source_postgres._rows.shape import AUDIT_FIELDS, NO_SCHEMA, schema_path, table_path
from fustor_source_postgres._server.catalog import Table

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
