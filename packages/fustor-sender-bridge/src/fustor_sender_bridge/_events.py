"""Events of the release's own class, as pushers know them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fustor_event_model import EventBase, EventType, MessageSource, event_class, parent_of

__all__ = ["translated"]

_REPLACEMENT = "\ufffd"


def translated(events: Sequence[Any], clock: Callable[[], float] = time.time) -> list[EventBase]:
    """The events of a batch as `fustor_event_model` 1 has them; those that are so already are passed on as they are.

    Args:
        events: of drivers written for fustor-core 1, or of `fustor_core.event` 0.8.
        clock: seconds since the epoch, for deletions that do not say when.

    Raises:
        ValueError: an event is neither, or comes from a phase that the contract does not know.
    """
    return [event if isinstance(event, EventBase) else _translated(event, clock) for event in events]


def _translated(event: Any, clock: Callable[[], float]) -> EventBase:
    kind, source = EventType(event.event_type.value), MessageSource(event.message_source.value)
    rows = [_row(row, kind, source, clock) for row in event.rows]
    return event_class(kind)(
        event_type=kind,
        fields=list(rows[0]) if rows else list(event.fields),
        rows=rows,
        index=event.index,
        event_schema=event.event_schema,
        table=event.table,
        message_source=source,
    )


def _row(row: Any, kind: EventType, source: MessageSource, clock: Callable[[], float]) -> dict[str, Any]:
    """A row with the fields that the contract asks for; of the release's own rows, none is left out.

    Paths of those rows begin at the root of the source, but `parent_path` is one of the machine.
    """
    told: Mapping[str, Any] = row if isinstance(row, Mapping) else row.model_dump()
    made = {name: _text(value) if isinstance(value, str) else value for name, value in told.items()}
    made.setdefault("path", made.get("file_path"))
    if kind is EventType.DELETE:
        return made | {"mtime": told.get("mtime", clock()), "size": None}
    made.setdefault("mtime", told.get("modified_time"))
    made.setdefault("size", None)
    if isinstance(made["path"], str) and ("parent_path" in told or source is MessageSource.AUDIT):
        made["parent_path"] = parent_of(made["path"]) if made["path"] != "/" else ""
    if source is MessageSource.AUDIT:
        made.setdefault("parent_mtime", made["mtime"] if made["path"] == "/" else None)
    return made


def _text(value: str) -> str:
    """A name that is not text in the form that fustor-source-fs gives it: each byte as U+FFFD and two digits."""
    return value if value.isascii() else "".join(map(_character, value))


def _character(one: str) -> str:
    if one == _REPLACEMENT or "\ud800" <= one <= "\udfff":
        escaped = "\udc80" <= one <= "\udcff"
        data = one.encode("utf-8", "surrogateescape" if escaped else "surrogatepass")
        return "".join(f"{_REPLACEMENT}{byte:02X}" for byte in data)
    return one
