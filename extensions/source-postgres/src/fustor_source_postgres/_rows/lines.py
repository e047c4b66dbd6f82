"""Frames of COPY's text format as rows, converted column by column: a thousand values for the price of one call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from operator import eq, sub
from typing import Any

from psycopg2.extensions import connection

from fustor_source_postgres._fast.copying import Frame
from fustor_source_postgres._fast.making import row_builder
from fustor_source_postgres._rows.shape import Row, key_name, layout_of, table_path
from fustor_source_postgres._rows.types import PLAIN_KEYS, TEXT, Converter, Types
from fustor_source_postgres._server.catalog import Table

NULL = "\v"
"""What stands for NULL. COPY writes a vertical tab of the data as a backslash and a letter, so this is unambiguous."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class LineReader:
    """Makes rows of one table out of COPY's lines. `names` are the columns to ask for, in order."""

    def __init__(self, conn: connection, table: Table, types: Types) -> None:
        types.learn(conn, [column.type_oid for column in table.columns])
        self.table = table
        self.layout = layout_of([(column.name, column.type_oid) for column in table.columns], table.key, types)
        wanted = [column.name for column in table.columns]
        self.names = (*wanted, *(name for name in table.key if name not in wanted))
        self._wanted = wanted
        self._converters = [types[column.type_oid].converter for column in table.columns]
        self._key = [self.names.index(name) for name in table.key]
        kinds = {column.name: column.type_oid for column in table.columns}
        self._has_plain_key = [kinds.get(name) in PLAIN_KEYS for name in table.key] == [True]
        self._prefix = f"{table_path(table.schema, table.name)}/"
        self._build = row_builder(wanted)

    def rows(self, frame: Frame, mtime: float) -> list[Row]:
        """One row a line, in order."""
        text = frame.fields.decode()
        fields = text.split("\t")
        fields.pop()  # a tab stands behind each
        width = len(self.names)
        has_null, has_escapes = NULL in text, "\\" in text
        columns = [
            _Column(texts, has_null and NULL in texts, has_escapes and "\\" in "".join(texts))
            for texts in (fields[number::width] for number in range(width))
        ]
        sent = columns[: len(self._wanted)]
        values = [column.values(converter) for column, converter in zip(sent, self._converters, strict=True)]
        lengths: Iterable[int] = frame.lengths
        for column in sent:
            lengths = column.without_marks(lengths)
        for column in columns[len(sent) :]:  # asked for the path only
            lengths = map(sub, lengths, map(len, map(str.encode, column.texts)))
        return self._build(mtime, width, self._paths(columns), lengths, *values)

    def _paths(self, columns: list[_Column]) -> list[str]:
        prefix = self._prefix
        if len(self._key) == 1:
            key = columns[self._key[0]]
            if not key.has_null and (self._has_plain_key or _needs_no_encoding(key.texts)):
                return [prefix + name for name in key.texts]
        keys = [columns[position].values(TEXT) for position in self._key]
        return [prefix + key_name(key) for key in zip(*keys, strict=True)]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a frame: its texts as COPY writes them, and whether some of them are NULL, or have escapes."""

    texts: list[str]
    has_null: bool
    has_escapes: bool

    def values(self, converter: Converter) -> list[Any]:
        """What the texts stand for."""
        texts = self.texts
        if not self.has_null:
            return converter.column(_unescaped(texts) if self.has_escapes else texts)
        if converter is TEXT and not self.has_escapes:
            return [None if text == NULL else text for text in texts]
        present = [text for text in texts if text != NULL]
        values = iter(converter.column(_unescaped(present) if self.has_escapes else present))
        return [None if text == NULL else next(values) for text in texts]

    def without_marks(self, lengths: Iterable[int]) -> Iterable[int]:
        """The lengths of lines without what COPY writes for NULL and puts in front of what it escapes."""
        if self.has_null:
            lengths = map(sub, lengths, map(eq, self.texts, repeat(NULL)))
        if self.has_escapes:
            lengths = map(sub, lengths, map(_count_escapes, self.texts))
        return lengths


def _needs_no_encoding(column: list[str]) -> bool:
    joined = "".join(column)
    return joined.isascii() and joined.isalnum() and "" not in column


def _count_escapes(text: str) -> int:
    return len(_ESCAPE.findall(text)) if "\\" in text else 0


def _unescaped(texts: list[str]) -> list[str]:
    plain = "\t".join(texts).replace("\\\\", "\0")  # as they are, no text has a tab, and none of PostgreSQL has a NUL
    if "\\" not in plain:
        return plain.replace("\0", "\\").split("\t")
    return [_ESCAPE.sub(_meaning, text) if "\\" in text else text for text in texts]


def _meaning(match: re.Match[str]) -> str:
    return _MEANING.get(match[1], match[1])
