"""The one stream of a source as engines see it: its columns as JSON Schema, whatever the driver."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from fustor_driver.engines.rows import COLUMNS

__all__ = ["KEY", "POSITION", "json_schema"]

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
