"""Lines of COPY's text format as rows, converted column by column: a thousand values for the price of one call."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from psycopg2.extensions import connection

from fustor_source_postgres._builders import Row, row_builder
from fustor_source_postgres._catalog import Table
from fustor_source_postgres._rows import key_name, table_path
from fustor_source_postgres._types import TEXT, Converter, Types

NULL = "\v"
"""What stands for NULL. COPY writes a vertical tab of the data as a backslash and a letter, so this is unambiguous."""
_NULL_BYTE = NULL.encode()
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPE_BYTES = re.compile(rb"\\.", re.DOTALL)
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
        self._container = table_path(table.schema, table.name)
        self._build = row_builder(wanted)
        self._is_whole = len(wanted) == len(self.names)

    def rows(self, lines: Sequence[bytes], mtime: float) -> list[Row]:
        """One row a line, in order."""
        with _collector_paused():
            return self._rows(lines, mtime)

    def _rows(self, lines: Sequence[bytes], mtime: float) -> list[Row]:
        text = b"\t".join(lines).decode()
        fields = text.split("\t")
        width = len(self.names)
        columns = [fields[number::width] for number in range(width)]
        columns[-1] = [field[:-1] for field in columns[-1]]  # the end of its line
        has_null, has_escapes = NULL in text, "\\" in text
        values = [
            _convert(column, converter, has_null=has_null, has_escapes=has_escapes)
            for column, converter in zip(columns, self._converters, strict=False)
        ]
        paths = self._paths(columns, has_escapes=has_escapes)
        sizes = self._sizes(lines, columns, has_null=has_null, has_escapes=has_escapes)
        return self._build(mtime, paths, sizes, zip(*values, strict=True) if values else repeat((), len(lines)))

    def _paths(self, columns: list[list[str]], *, has_escapes: bool) -> list[str]:
        prefix = f"{self._container}/"
        if len(self._key) == 1:
            column = columns[self._key[0]]
            joined = "".join(column)
            if joined.isascii() and joined.isalnum() and "" not in column:
                return [prefix + name for name in column]
        keys = [_convert(columns[position], TEXT, has_null=True, has_escapes=has_escapes) for position in self._key]
        return [prefix + key_name(key) for key in zip(*keys, strict=True)]

    def _sizes(
        self, lines: Sequence[bytes], columns: list[list[str]], *, has_null: bool, has_escapes: bool
    ) -> list[int]:
        if not self._is_whole:
            lines = ["\t".join(row).encode() + b"\n" for row in zip(*columns[: len(self._wanted)], strict=True)]
        separators = len(self._wanted)
        if has_null:
            sizes = [len(line) - separators - line.count(_NULL_BYTE) for line in lines]
        else:
            sizes = [len(line) - separators for line in lines]
        if has_escapes:
            sizes = [size - len(_ESCAPE_BYTES.findall(line)) for size, line in zip(sizes, lines, strict=True)]
        return sizes


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


def _unescaped(texts: Sequence[str]) -> list[str]:
    return [_ESCAPE.sub(_meaning, text) if "\\" in text else text for text in texts]


def _meaning(match: re.Match[str]) -> str:
    return _MEANING.get(match[1], match[1])
