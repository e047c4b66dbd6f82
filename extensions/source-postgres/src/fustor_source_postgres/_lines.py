"""Lines of COPY's text format as rows, converted column by column: a thousand values for the price of one call."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from operator import sub
from typing import Any

from psycopg2.extensions import connection

from fustor_source_postgres._builders import Row, row_builder
from fustor_source_postgres._catalog import Table
from fustor_source_postgres._rows import key_name, table_path
from fustor_source_postgres._types import PLAIN_KEYS, TEXT, Converter, Types

NULL = "\v"
"""What stands for NULL. COPY writes a vertical tab of the data as a backslash and a letter, so this is unambiguous."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class LineReader:
    """Makes rows of one table out of COPY's lines. `names` are the columns to ask for, in order."""

    def __init__(self, conn: connection, table: Table, types: Types) -> None:
        types.learn(conn, [column.type_oid for column in table.columns])
        self.table = table
        wanted = [column.name for column in table.columns]
        self.names = (*wanted, *(name for name in table.key if name not in wanted))
        self._wanted = wanted
        self._converters = [types[column.type_oid] for column in table.columns]
        self._key = [self.names.index(name) for name in table.key]
        kinds = {column.name: column.type_oid for column in table.columns}
        self._has_plain_key = [kinds.get(name) in PLAIN_KEYS for name in table.key] == [True]
        self._prefix = f"{table_path(table.schema, table.name)}/"
        self._build = row_builder(wanted)
        self._is_whole = len(wanted) == len(self.names)

    def rows(self, lines: Sequence[str], mtime: float) -> list[Row]:
        """One row a line, in order."""
        with _collector_paused():
            return self._rows(lines, mtime)

    def _rows(self, lines: Sequence[str], mtime: float) -> list[Row]:
        text = "\t".join(lines)
        fields = text.split("\t")
        width = len(self.names)
        columns = [fields[number::width] for number in range(width)]
        has_null, has_escapes = NULL in text, "\\" in text
        values = [
            _convert(column, converter, has_null=has_null, has_escapes=has_escapes)
            for column, converter in zip(columns, self._converters, strict=False)
        ]
        paths = self._paths(columns, has_escapes=has_escapes)
        if not self._is_whole:
            lines = list(map("\t".join, zip(*columns[: len(self._wanted)], strict=True))) or [""] * len(lines)
        lengths = _lengths(lines, is_ascii=text.isascii(), has_null=has_null, has_escapes=has_escapes)
        return self._build(mtime, max(len(self._wanted) - 1, 0), paths, lengths, *values)

    def _paths(self, columns: list[list[str]], *, has_escapes: bool) -> list[str]:
        prefix = self._prefix
        if len(self._key) == 1:
            column = columns[self._key[0]]
            if self._has_plain_key or _needs_no_encoding(column):
                return [prefix + name for name in column]
        keys = [_convert(columns[position], TEXT, has_null=True, has_escapes=has_escapes) for position in self._key]
        return [prefix + key_name(key) for key in zip(*keys, strict=True)]


def _needs_no_encoding(column: list[str]) -> bool:
    joined = "".join(column)
    return joined.isascii() and joined.isalnum() and "" not in column


def _lengths(lines: Sequence[str], *, is_ascii: bool, has_null: bool, has_escapes: bool) -> Iterable[int]:
    """The bytes of every line's values and of the separators between them."""
    lengths: Iterable[int] = map(len, lines) if is_ascii else (len(line.encode()) for line in lines)
    if has_null:
        lengths = map(sub, lengths, map(str.count, lines, repeat(NULL)))
    if has_escapes:
        lengths = map(sub, lengths, (len(_ESCAPE.findall(line)) if "\\" in line else 0 for line in lines))
    return lengths


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No search for cycles in a thousand fresh rows, which have none: it takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _convert(column: list[str], converter: Converter, *, has_null: bool, has_escapes: bool) -> list[Any]:
    if not has_null or NULL not in column:
        return converter.column(_unescaped(column) if has_escapes else column)
    if converter is TEXT and not has_escapes:
        return [None if text == NULL else text for text in column]
    present = [text for text in column if text != NULL]
    values = iter(converter.column(_unescaped(present) if has_escapes else present))
    return [None if text == NULL else next(values) for text in column]


def _unescaped(texts: list[str]) -> list[str]:
    joined = "\t".join(texts)  # as it is, no text has one
    if "\\" not in joined:
        return texts
    plain = joined.replace("\\\\", "\0")  # no text of PostgreSQL has that
    if "\\" not in plain:
        return plain.replace("\0", "\\").split("\t")
    return [_ESCAPE.sub(_meaning, text) if "\\" in text else text for text in texts]


def _meaning(match: re.Match[str]) -> str:
    return _MEANING.get(match[1], match[1])
