"""Events made to order, one thing wrong with each."""

from __future__ import annotations

from typing import Any

from fustor_conformance.monitor.finding import Told
from fustor_event_model import EventBase, EventType, MessageSource

NOW = 1_700_000_000.0


def row(path: str, **more: Any) -> dict[str, Any]:
    """A row of a file."""
    parent, _, name = path.rpartition("/")
    return {
        "path": path,
        "file_name": name,
        "parent_path": parent or "/",
        "is_directory": False,
        "size": 3,
        "mtime": NOW,
        "modified_time": NOW,
        **more,
    }


def event(*rows: dict[str, Any], **more: Any) -> EventBase:
    """An event in order, unless `more` says otherwise."""
    given = {
        "event_type": EventType.UPDATE,
        "fields": list(rows[0]) if rows else [],
        "rows": list(rows),
        "event_schema": "fs",
        "table": "",
        "message_source": MessageSource.REALTIME,
    }
    return EventBase(**given | more)


def told(*rows: dict[str, Any], where: str = "event", **more: Any) -> Told:
    """It, as an ear hears it."""
    one = event(*rows, **more)
    return Told(one, one.message_source, where)


def deleted(*paths: str) -> Told:
    """Delete rows."""
    return told(*(row(path, size=None) for path in paths), event_type=EventType.DELETE)


def database(*, source: MessageSource, mtime: float, path: str = "/s/t/1", **more: Any) -> Told:
    """A row of a table."""
    one = {"path": path, "mtime": mtime, "size": 1, "record": {"n": 1}} | more
    if source is MessageSource.AUDIT:
        one |= {"parent_path": "/s/t", "parent_mtime": mtime}
    return told(one, event_schema="s", table="t", message_source=source)
