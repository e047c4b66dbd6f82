"""The one stream of a source as engines see it: its columns as JSON Schema, whatever the driver."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from fustor_driver.engines.rows import COLUMNS, flat_rows
from fustor_event_model import EventBase, EventType

__all__ = ["KEY", "POSITION", "json_schema", "records"]

KEY = "path"
POSITION = "position"
_TYPES = MappingProxyType(
    {
        "event_type": ["string"],
        "message_source": ["string"],
        "event_schema": ["string"],
        "table": ["string"],
        "position": ["integer"],
        "path": ["string"],
        "mtime": ["number"],
        "size": ["null", "integer"],
        "parent_mtime": ["null", "number"],
        "layout": ["null", "object"],
        "row": ["object"],
    }
)


def json_schema(deleted_at: str) -> dict[str, Any]:
    """The columns of a flat row, and one that says when the row was deleted, if it was."""
    columns: dict[str, Any] = {name: {"type": _TYPES[name]} for name in COLUMNS}
    when = {"type": ["null", "string"], "format": "date-time"}
    return {"type": "object", "properties": {**columns, deleted_at: when}}


def records(event: EventBase, deleted_at: str) -> Iterator[dict[str, Any]]:
    """The rows of an event, each under these columns."""
    is_delete = event.event_type is EventType.DELETE
    for row in flat_rows(event):
        record = row._asdict()
        record[deleted_at] = _moment(row.mtime) if is_delete else None
        yield record


def _moment(seconds: float) -> str:
    """A time as ISO 8601 in UTC; the epoch for what no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC).isoformat()
