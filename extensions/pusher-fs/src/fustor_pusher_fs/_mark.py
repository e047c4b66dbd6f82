"""The two lines of the format that are no events: a segment's header and a batch's commit mark.

Each is one JSON object with two keys: what it says, and the CRC-32 of the bytes that say it.
"""

from __future__ import annotations

import zlib
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

FORMAT = 1
COMMIT_PREFIX = b'{"_commit":'
HEADER_PREFIX = b'{"_segment":'
MAX_LINE_BYTES = 16 * 1024
"""Bound of the length of either line; task identifiers are bounded so that it holds."""

_CRC_LENGTH = len(b',"crc":"00000000"}')

_Line = TypeVar("_Line", bound=BaseModel)


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


class Header(BaseModel):
    """The first line of a segment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
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
    """The mark on this line (without its newline), or None if it is not a whole and valid one."""
    return _parse(COMMIT_PREFIX, Mark, line)


def parse_header(line: bytes) -> Header | None:
    """The header on this line (without its newline), or None if it is not a whole and valid one of this format."""
    return _parse(HEADER_PREFIX, Header, line)


def header_format(line: bytes) -> int | None:
    """The format version of a segment that begins with this line; None if it is no whole header of any format."""
    body = _body(HEADER_PREFIX, line)
    if body is None:
        return None
    try:
        said = from_json(body)
    except ValueError:
        return None
    version = said.get("format") if isinstance(said, dict) else None
    return version if isinstance(version, int) else None


def _line(prefix: bytes, said: BaseModel) -> bytes:
    body = said.model_dump_json().encode()
    return prefix + body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def _body(prefix: bytes, line: bytes) -> bytes | None:
    if not line.startswith(prefix):
        return None
    body = line[len(prefix) : -_CRC_LENGTH]
    return body if line[-_CRC_LENGTH:] == b',"crc":"%08x"}' % zlib.crc32(body) else None


def _parse(prefix: bytes, model: type[_Line], line: bytes) -> _Line | None:
    body = _body(prefix, line)
    if body is None:
        return None
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None
