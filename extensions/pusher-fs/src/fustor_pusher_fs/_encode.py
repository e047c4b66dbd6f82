"""Events as lines of JSON, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import PydanticSerializationError, from_json, to_json

from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource, TableLayout, event_class
from fustor_pusher_fs._errors import DriverError


@dataclass(frozen=True, slots=True)
class Payload:
    """The lines of some events, and the SHA-256 of their bytes."""

    lines: bytes
    digest: str


def encode(events: Sequence[EventBase]) -> Payload:
    """One line an event, in order.

    Raises:
        DriverError: an event holds what JSON cannot say; trying again cannot help.
    """
    lines = b"".join([_encode_event(event) for event in events])
    return Payload(lines, hashlib.sha256(lines).hexdigest())


def _encode_event(event: EventBase) -> bytes:
    # A plain dict instead of the model: hosts assign `rows` unvalidated, and a model writes infinities as null.
    said = {
        "event_type": event.event_type,
        "fields": event.fields,
        "rows": event.rows,
        "index": event.index,
        "event_schema": event.event_schema,
        "table": event.table,
        "message_source": event.message_source,
        "signal": event.signal,
    }
    if event.layout is not None:
        said["layout"] = event.layout
    try:
        line = to_json(said, inf_nan_mode="constants")
        if _may_hold_no_number(line):
            from_json(line, allow_inf_nan=False)
    except (PydanticSerializationError, ValueError) as error:
        raise DriverError(
            f"Event with index {event.index!r} of table {event.table!r} cannot be written as JSON: {error}; "
            "mend the source"
        ) from error
    return line + b"\n"


def _may_hold_no_number(line: bytes) -> bool:
    """Whether a line holds the name of a number that JSON does not have, be it in some text."""
    # Looking for one byte first is ten times as fast as looking for three, and most lines hold no such byte.
    return (b"N" in line and b"NaN" in line) or (b"I" in line and b"Infinity" in line)


def decode(line: bytes) -> EventBase:
    """The event on a line, as it was pushed: unvalidated, since hosts may have changed it after construction.

    Raises:
        ValueError, KeyError, TypeError: the line is no event.
    """
    said = from_json(line)
    event_type = EventType(said["event_type"])
    signal, layout = said["signal"], said.get("layout")
    return event_class(event_type).model_construct(
        event_type=event_type,
        fields=said["fields"],
        rows=said["rows"],
        index=said["index"],
        event_schema=said["event_schema"],
        table=said["table"],
        message_source=MessageSource(said["message_source"]),
        signal=None if signal is None else LifecycleSignal(signal),
        layout=None if layout is None else TableLayout.model_validate(layout),
    )
