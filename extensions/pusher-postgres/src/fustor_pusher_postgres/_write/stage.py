"""The staging table: a run's rows, sent with COPY, for set-based statements to read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import psycopg2
from psycopg2.extensions import cursor
from pydantic_core import from_json, to_json

from fustor_pusher_postgres._tables.columns import OPTIONAL, STAGED, TOLD
from fustor_pusher_postgres._write.rows import Entry

_KNOWN = frozenset(TOLD)
_CREATE = f"CREATE TEMPORARY TABLE IF NOT EXISTS _fustor_stage ({STAGED}) ON COMMIT DELETE ROWS"
_COPY = "COPY pg_temp._fustor_stage FROM STDIN"
_CHUNK_LINES = 100
NULL = "\\N"
_NONE_OF_THEM = f"{NULL}\t" * len(OPTIONAL)
_TRUE_OR_NULL = {True: "t", False: NULL}
_NUL, _HAS_NUL = b"\\u0000", re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


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
    chunks = iter(lambda: "".join(islice(lines, _CHUNK_LINES)).encode(), b"")
    copy_chunks(cur, _COPY, chunks)


class _Chunks(io.RawIOBase):
    """A file that is made while it is read, so that the server reads a chunk while the next one is made."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.error: ValueError | None = None

    def read(self, size: int = -1) -> bytes:
        """The next chunk, however much `size` would allow; empty at the end, and after an error."""
        del size
        try:
            return next(self._chunks, b"")
        except ValueError as error:  # the client library would make an error of the server of it
            self.error = error
            raise


def copy_chunks(cur: cursor, statement: str, chunks: Iterator[bytes]) -> None:
    """Do a COPY; what making the chunks raises is raised here."""
    file = _Chunks(chunks)
    try:
        cur.copy_expert(statement, file)
    except psycopg2.Error:
        if file.error is not None:
            raise file.error from None
        raise


def _body(entry: Entry) -> str:
    """The columns that every form has, from `path` to `event_index`."""
    row, path = entry.row, entry.path
    if _SPECIAL.search(path):
        path = _escaped(path)
    size = row.get("size")
    return (
        f"{path}\t{entry.mtime!r}\t{value_text(size)}\t{entry.is_container}\t{_optional_texts(row)}"
        f"{json_text(entry.record)}\t{extra_text(row)}\t{entry.index}"
    )


def _optional_texts(row: Mapping[str, Any]) -> str:
    if row.keys().isdisjoint(OPTIONAL):
        return _NONE_OF_THEM
    return "".join([f"{value_text(row.get(name))}\t" for name in OPTIONAL])


def value_text(value: object) -> str:
    """A value for COPY."""
    if value is None:
        return NULL
    text = str(value)
    return _escaped(text) if isinstance(value, str) and _SPECIAL.search(text) else text


def json_text(value: object) -> str:
    """A value as JSON, for COPY; what has a NUL in it, which jsonb cannot hold, as the text of its JSON."""
    if value is None:
        return NULL
    data = to_json(value)
    if _NUL in data and _HAS_NUL.search(data):
        data = to_json(_without_nul(value))
    return data.decode().replace("\\", "\\\\")


def document_text(value: object) -> str:
    """A value of a record that has a column of its own, as JSON for COPY; with a NUL in it, the text of its JSON."""
    return json_text(_text_if_nul(value))


def storable_keys(record: Mapping[Any, Any]) -> list[str]:
    """The keys of a record as the server has them."""
    if {*map(type, record)} <= {str} and not any("\0" in key for key in record):
        return list(record)
    return list(from_json(to_json(_without_nul(dict.fromkeys(record)))))


def _without_nul(value: object) -> object:
    """A value for jsonb: of a mapping, every key and every value that has a NUL is the text of its JSON."""
    if isinstance(value, Mapping):
        return {_text_if_nul(key): _text_if_nul(told) for key, told in value.items()}
    return _text_if_nul(value)


def _text_if_nul(value: object) -> object:
    data = to_json(value)
    return data.decode() if _NUL in data and _HAS_NUL.search(data) else value


def extra_text(row: Mapping[str, Any]) -> str:
    """The fields that have no column of their own, as JSON for COPY."""
    if _KNOWN.issuperset(row):
        return NULL
    return json_text({name: value for name, value in row.items() if name not in _KNOWN})


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], text)
