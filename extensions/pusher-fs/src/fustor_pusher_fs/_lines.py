"""The lines of the format: events, and the two that are not, a segment's header and a batch's commit mark.

Each of those two is one JSON object with two keys: what it says, and the CRC-32 of the bytes that say it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource, TableLayout, event_class
from fustor_pusher_fs._errors import ConfigError, DriverError

FORMAT = 1
COMMIT_PREFIX = b'{"_commit":'
HEADER_PREFIX = b'{"_segment":'
MAX_LINE_BYTES = 16 * 1024
"""Bound of the length of either line; task identifiers are bounded so that it holds."""

_CRC_LENGTH = len(b',"crc":"00000000"}\n')

_Line = TypeVar("_Line", bound=BaseModel)


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
        ValueError, KeyError, TypeError: the line is not an event.
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


class Mark(BaseModel):
    """The last line of a batch: with it the batch is committed, without it there is no batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int
    """Number of the batch in its task, from 1; a gap tells a reader that something is missing."""
    task: str
    session: str
    phase: str
    """`message_source` of the events; several are joined by `+`."""
    index: int
    """Highest index of the batch, or -1."""
    is_snapshot_end: bool
    committed: int
    """What `get_latest_committed_index` answers from here on."""
    events: int
    length_bytes: int
    """Length of the event lines, which stand right before this line."""
    digest: str
    """SHA-256 of the event lines."""
    time: float
    """When it was written: seconds since the epoch."""

    def line(self) -> bytes:
        """The line, with its final newline."""
        return _line(COMMIT_PREFIX, self)


class _Versioned(BaseModel):
    """What a header says in every format."""

    format: int


class Header(_Versioned):
    """The first line of a segment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    segment: int
    created: float
    """Seconds since the epoch."""
    next_batch: int
    """Number of the first batch in this segment."""
    committed: int
    """What `get_latest_committed_index` answered when the segment was begun."""

    def line(self) -> bytes:
        """The line, with its final newline."""
        return _line(HEADER_PREFIX, self)


def parse_mark(line: bytes) -> Mark | None:
    """The mark on this line, or None if it is not a whole and valid one, its newline included."""
    return _parse(COMMIT_PREFIX, Mark, line)


def parse_header(line: bytes, path: Path) -> Header | None:
    """The header on the first line of a file, or None if it is not a whole and valid one, its newline included.

    Raises:
        ConfigError: it is one of another format.
    """
    found = _parse(HEADER_PREFIX, _Versioned, line)
    if found is not None and found.format != FORMAT:
        raise ConfigError(
            f"File {str(path)!r} has format {found.format}, and this version reads and writes format {FORMAT}; "
            "install a newer one to go on with it, or push to another endpoint"
        )
    return _parse(HEADER_PREFIX, Header, line)


def _line(prefix: bytes, said: BaseModel) -> bytes:
    return _framed(prefix, said.model_dump_json().encode())


def _framed(prefix: bytes, body: bytes) -> bytes:
    return prefix + body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def _parse(prefix: bytes, model: type[_Line], line: bytes) -> _Line | None:
    if not line.startswith(prefix):
        return None
    body = line[len(prefix) : -_CRC_LENGTH]
    if line != _framed(prefix, body):
        return None
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None
