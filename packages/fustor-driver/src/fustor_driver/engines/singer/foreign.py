"""Records of other projects' taps as rows: a path for the key, the record whole."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from pydantic_core import to_json

from fustor_driver.engines.singer.taps import DELETED_AT
from fustor_driver.errors import CheckFailed
from fustor_event_model import DeleteEvent, EventBase, InsertEvent, MessageSource

__all__ = ["SCHEMA_NAME", "as_written", "event_of", "exact_json", "is_inexact"]

SCHEMA_NAME = "singer"
_FIELDS = ["path", "mtime", "size"]
_INEXACT = re.compile(rb"\d[eE][+-]?\d|NaN|Infinity")
_EMPTY = "%FF"  # no UTF-8 text holds this byte
_DOTS = {".": "%2E", "..": "%2E%2E"}  # a path that is normalised on its way must not climb


def event_of(message: Mapping[str, Any], keys: Sequence[str], source: MessageSource) -> EventBase:
    """A record as an event of one row: `/<stream>/<key>`, with the record nested.

    It has no position: the engine's state is the only one.

    Raises:
        CheckFailed: the record lacks a key.
    """
    stream, record = message["stream"], message["record"]
    path = f"/{_name(quote(stream, safe=''))}/{_name(_key(stream, record, keys))}"
    deleted = record.get(DELETED_AT)
    told: dict[str, Any] = {"event_schema": SCHEMA_NAME, "table": stream, "message_source": source}
    if deleted:
        gone = {"path": path, "mtime": _seconds(deleted), "size": None}
        return DeleteEvent(fields=_FIELDS, rows=[gone], **told)
    row = {
        "path": path,
        "mtime": _seconds(message.get("time_extracted")),
        "size": len(to_json(record)),
        "record": record,
    }
    return InsertEvent(fields=[*_FIELDS, "record"], rows=[row], **told)  # whole: an update would be merged


def exact_json(line: bytes) -> Any:
    """The value of a line. A number that no float holds exactly is its text, as decimals are everywhere here.

    So are the constants that JSON has not and that some taps write all the same: NaN and the infinities.
    """
    return json.loads(line, parse_float=_number, parse_constant=str)


def as_written(line: bytes, name: str) -> bytes:
    """What a line has under a name, with every digit of its numbers."""
    return _written(json.loads(line, parse_float=Decimal)[name]).encode()


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_written(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def is_inexact(line: bytes) -> bool:
    """Whether a line may hold a number for which `exact_json` is needed."""
    return b"." in line or _INEXACT.search(line) is not None


def _number(text: str) -> float | str:
    number = float(text)
    try:
        return number if Decimal(repr(number)) == Decimal(text) else text
    except InvalidOperation:
        return text


def _key(stream: str, record: Mapping[str, Any], keys: Sequence[str]) -> str:
    missing = [name for name in keys if record.get(name) is None]
    if missing:
        raise CheckFailed(f"A record of the stream {stream!r} has no {missing}, which is its key; correct the tap")
    return ",".join(quote(_text(record[name]), safe="") for name in keys)


def _name(encoded: str) -> str:
    """A part of a path: never empty, and never `.` or `..`."""
    return _DOTS.get(encoded, encoded) or _EMPTY


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _seconds(moment: Any) -> float:
    """When, in seconds since the epoch: in UTC where no zone is said, and now where the tap does not say."""
    try:
        said = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return time.time()
    return (said if said.tzinfo is not None else said.replace(tzinfo=UTC)).timestamp()
