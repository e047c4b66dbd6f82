"""The staging table: a run's rows, sent with COPY, for set-based statements to read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg2
from psycopg2.extensions import cursor
from pydantic_core import to_json

from fustor_event_model import MessageSource
from fustor_pusher_postgres._rows import Entry

__all__ = ["CONTRACT_FIELDS", "NEW_COLUMNS", "Facts", "copy_entries", "copy_new", "prepare_stage"]

CONTRACT_FIELDS = (
    "path",
    "mtime",
    "size",
    "is_directory",
    "parent_path",
    "parent_mtime",
    "is_atomic_write",
    "audit_skipped",
    "record",
)
_KNOWN = frozenset(CONTRACT_FIELDS)
_CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS _fustor_stage (
    run integer, home integer, act smallint, told double precision, dark boolean, seen smallint,
    path text COLLATE "C", mtime double precision, size bigint, is_directory boolean, parent_path text COLLATE "C",
    parent_mtime double precision, is_atomic_write boolean, audit_skipped boolean, record jsonb, extra jsonb,
    event_index bigint
) ON COMMIT DELETE ROWS
"""
NEW_COLUMNS = (
    "path, mtime, size, is_directory, parent_path, parent_mtime, is_atomic_write, audit_skipped, record, extra,"
    " event_index, message_source, _at, _below, _session, _told, _dark, _audit, _seen"
)
_COPY = "COPY pg_temp._fustor_stage FROM STDIN"
_CHUNK_LINES = 100
_NULL = "\\N"
_OPTIONAL = ("parent_path", "parent_mtime", "is_atomic_write", "audit_skipped")
_NONE_OF_THEM = f"{_NULL}\t" * len(_OPTIONAL)
_TRUE_OR_NULL = {True: "t", False: _NULL}
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What all rows of a run are given besides what they say."""

    source: MessageSource
    clock: int | None
    session: int
    audit: int | None


def prepare_stage(cur: cursor) -> None:
    """Create the staging table of this connection."""
    cur.execute(_CREATE)


def copy_entries(cur: cursor, run: int, entries: Iterable[tuple[int, Entry]]) -> None:
    """Send entries to the staging table, each with the number of the table that is its home.

    Raises:
        psycopg2.Error: the database refuses a value.
        UnicodeEncodeError: a text cannot be stored anywhere.
        ValueError: a value has no form in JSON.
    """
    lines = (
        f"{run}\t{home}\t{entry.act}\t{entry.told!r}\t{_TRUE_OR_NULL[entry.is_dark]}\t{entry.seen}\t{_body(entry)}\n"
        for home, entry in entries
    )
    _copy(cur, _COPY, lines)


def copy_new(cur: cursor, statement: str, entries: Iterable[Entry], facts: Facts) -> None:
    """Send entries straight into their table, which has none of their paths. Raises what `copy_entries` raises."""
    common = f"{facts.source.value}\t{_or_null(facts.clock)}"
    audit, session, clock = _or_null(facts.audit), facts.session, _or_null(facts.clock)
    lines = (
        f"{_body(entry)}\t{common}\t{_NULL if entry.is_container else clock}\t{session}\t{_told(entry)}\t"
        f"{_TRUE_OR_NULL[entry.is_dark]}\t{audit}\t{entry.seen}\n"
        for entry in entries
    )
    _copy(cur, statement, lines)


class _Chunks(io.RawIOBase):
    """A file that is made while it is read, so that the server reads a chunk while the next one is made."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.error: ValueError | None = None

    def read(self, size: int = -1) -> bytes:
        """The next lines, however many `size` would allow; empty at the end, and after an error."""
        del size
        try:
            return "".join(islice(self._lines, _CHUNK_LINES)).encode()
        except ValueError as error:  # the client library would make an error of the server of it
            self.error = error
            raise


def _copy(cur: cursor, statement: str, lines: Iterator[str]) -> None:
    chunks = _Chunks(lines)
    try:
        cur.copy_expert(statement, chunks)
    except psycopg2.Error:
        if chunks.error is not None:
            raise chunks.error from None
        raise


def _body(entry: Entry) -> str:
    """The columns that every form has, from `path` to `event_index`."""
    row, path = entry.row, entry.path
    if _SPECIAL.search(path):
        path = _escaped(path)
    size = row.get("size")
    return (
        f"{path}\t{entry.mtime!r}\t{_NULL if size is None else _text(size)}\t{entry.is_container}\t{_optional(row)}"
        f"{_json(entry.record)}\t{_extra(row)}\t{entry.index}"
    )


def _told(entry: Entry) -> str:
    return _NULL if entry.told == entry.mtime else repr(entry.told)


def _or_null(value: int | None) -> str:
    return _NULL if value is None else str(value)


def _optional(row: Mapping[str, Any]) -> str:
    if row.keys().isdisjoint(_OPTIONAL):
        return _NONE_OF_THEM
    return "".join([f"{_text(row.get(name))}\t" for name in _OPTIONAL])


def _text(value: object) -> str:
    if value is None:
        return _NULL
    text = str(value)
    return _escaped(text) if isinstance(value, str) and _SPECIAL.search(text) else text


def _json(value: object) -> str:
    return _NULL if value is None else to_json(value).decode().replace("\\", "\\\\")


def _extra(row: Mapping[str, Any]) -> str:
    if _KNOWN.issuperset(row):
        return _NULL
    return _json({name: value for name, value in row.items() if name not in _KNOWN})


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], text)
