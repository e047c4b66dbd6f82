"""Columns of plain rows as COPY reads them, each made for many rows at once.

The texts are those that `_write.stage` makes row by row: that is what they mean, this is its speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from pydantic_core import to_json

from fustor_pusher_postgres._tables.columns import OPTIONAL, TOLD, Act
from fustor_pusher_postgres._tables.layout import can_be_column
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._tables.types import Native
from fustor_pusher_postgres._write.stage import (
    NULL,
    document_text,
    extra_text,
    json_text,
    storable_keys,
    value_text,
)

Row: TypeAlias = dict[str, Any]
CopyColumn: TypeAlias = tuple[str, Callable[[Sequence[Row]], list[str]]]
"""The name of a column, and what makes its texts of rows."""
_KNOWN = frozenset(TOLD)
_BIGINT_MAX = 2**63
_PLAIN: dict[str, set[type]] = {
    "boolean": {bool},
    "bigint": {int},
    "numeric": {int, float},
    "double precision": {float},
    "text": {str},
    "jsonb": {dict, list},
}


def columns_of(table: Table, rows: Sequence[Row]) -> list[CopyColumn] | None:
    """The columns for rows of a table; None where their values have to be looked at one by one."""
    return _typed_columns(dict(table.columns), table.natives(), rows) if table.is_typed else plain_columns(rows)


def plain_columns(rows: Iterable[Row]) -> list[CopyColumn]:
    """The columns that the rows have besides those that every row has, the record as one of them."""
    keys = set[str]().union(*rows)
    columns: list[CopyColumn] = [(name, _values_of(name)) for name in OPTIONAL if name in keys]
    if "record" in keys:
        columns.append(("record", _records))
    return columns if keys <= _KNOWN else [*columns, ("extra", lambda rows: [*map(extra_text, rows)])]


def _typed_columns(
    types: Mapping[str, str], natives: Mapping[str, Native], rows: Sequence[Row]
) -> list[CopyColumn] | None:
    """The same with the record's keys as columns of these types; None where a value is not plain.

    That is so where a column is missing or too narrow, and where a text is not simply the value's.
    """
    records: list[Any] = [row.get("record") for row in rows]
    if {*map(type, records)} != {dict}:
        return None
    keys = set[str]().union(*records)
    columns = [column for column in plain_columns(rows) if column[0] != "record"]
    rest = []
    for key in keys:
        values = [record.get(key) for record in records]
        if key in natives:
            if not natives[key].takes_all(values):
                return None
            columns.append((key, _native_values_of(key, natives[key])))
        elif key in types:
            if not _is_plain(types[key], values):
                return None
            columns.append((key, _record_values_of(key, types[key])))
        elif can_be_column(key) and values.count(None) < len(values):
            return None
        else:
            rest.append(key)
    return [*columns, ("record", _rest_of(rest))] if rest else columns


def escaped(texts: Sequence[str]) -> list[str]:
    """The texts as COPY reads them, none of which has a line feed."""
    return "\n".join(texts).replace("\\", "\\\\").replace("\t", "\\t").replace("\r", "\\r").split("\n")


def numbers(values: list[Any]) -> list[str]:
    """Finite numbers as COPY reads them."""
    return to_json(values).decode()[1:-1].split(",")


def sizes(rows: Iterable[Row]) -> list[str]:
    """The sizes as COPY reads them."""
    return [NULL if (size := row.get("size")) is None else str(size) for row in rows]


def _is_plain(kind: str, values: list[Any]) -> bool:
    """Whether the text of every value is the one that a column of this type is to be given."""
    found = {*map(type, values)} - {type(None)}
    if not found <= _PLAIN.get(kind, set()):
        return False
    if float in found:
        return _are_finite([value for value in values if type(value) is float])
    if kind == "bigint" and found:
        told: list[int] = [value for value in values if value is not None]
        return min(told) >= -_BIGINT_MAX and max(told) < _BIGINT_MAX
    return True


def _are_finite(values: list[float]) -> bool:
    """Whether all are; a sum of them that is says so."""
    return math.isfinite(sum(values)) or all(map(math.isfinite, values))


def _values_of(name: str) -> Callable[[Sequence[Row]], list[str]]:
    return lambda rows: _values([row.get(name) for row in rows])


def _record_values_of(key: str, kind: str) -> Callable[[Sequence[Row]], list[str]]:
    texts = _MAKERS.get(kind, _values)
    return lambda rows: texts([row["record"].get(key) for row in rows])


def _native_values_of(key: str, native: Native) -> Callable[[Sequence[Row]], list[str]]:
    texts = _NATIVE_MAKERS.get(native.kinds or frozenset(), partial(_read, native))
    if native.sql == "jsonb":
        texts = _jsons
    return lambda rows: texts([row["record"].get(key) for row in rows])


def _read(native: Native, values: list[Any]) -> list[str]:
    return [NULL if value is None else value_text(native.text(value)) for value in values]


def _texts(values: list[Any]) -> list[str]:
    told = [value for value in values if value is not None]
    text = "\n".join(told)
    if "\\" in text or "\t" in text or "\r" in text or text.count("\n") >= max(len(told), 1):
        return _values(values)
    return told if len(told) == len(values) else [NULL if value is None else value for value in values]


def _booleans(values: list[Any]) -> list[str]:
    return [NULL if value is None else "t" if value else "f" for value in values]


def _numbers(values: list[Any]) -> list[str]:
    return [NULL if value is None else repr(value) for value in values]


def _small_numbers(values: list[Any]) -> list[str]:
    """Finite floats, or integers that a bigint holds."""
    told = [value for value in values if value is not None]
    return _with_nulls(values, numbers(told) if told else [])


def _with_nulls(values: list[Any], texts: list[str]) -> list[str]:
    """The texts of those values that are not None, each at the place of its value."""
    if len(texts) == len(values):
        return texts
    following = iter(texts)
    return [NULL if value is None else next(following) for value in values]


def _jsons(values: list[Any]) -> list[str]:
    told = [value for value in values if value is not None]
    texts = _json_lines(told)
    return [document_text(value) for value in values] if texts is None else _with_nulls(values, texts)


def _values(values: list[Any]) -> list[str]:
    return [value_text(value) for value in values]


_MAKERS = {
    "boolean": _booleans,
    "bigint": _small_numbers,
    "numeric": _numbers,
    "double precision": _small_numbers,
    "jsonb": _jsons,
    "text": _texts,
}


_NATIVE_MAKERS: dict[frozenset[type], Callable[[list[Any]], list[str]]] = {
    frozenset({str}): _texts,
    frozenset({int}): _numbers,
    frozenset({bool}): _booleans,
}


def _rest_of(keys: list[str]) -> Callable[[Sequence[Row]], list[str]]:
    def texts(rows: Sequence[Row]) -> list[str]:
        rests = ({key: row["record"][key] for key in keys if key in row["record"]} for row in rows)
        return [json_text(rest or None) for rest in rests]

    return texts


def _records(rows: Sequence[Row]) -> list[str]:
    records: Sequence[Any] = [row.get("record") for row in rows]
    if {*map(type, records)} == {dict}:
        records = _sorted(records)
    elif None in records:
        return [json_text(record) for record in records]
    texts = _json_lines(records)
    return [json_text(record) for record in records] if texts is None else texts


def _json_lines(values: Iterable[Any]) -> list[str] | None:
    """The values as JSON, for COPY; None where one may have a NUL in it."""
    texts = [*map(to_json, values)]
    joined = b"".join(texts)
    if b"\\" not in joined:
        return [*map(bytes.decode, texts)]
    # a backslash of its own is doubled for COPY
    return None if b"\\u0000" in joined else [text.replace(b"\\", b"\\\\").decode() for text in texts]


def _sorted(records: Sequence[Row]) -> Sequence[Row]:
    """The records with their keys in the order of jsonb, so that the server need not sort them."""
    keys = dict.fromkeys(sorted(records[0], key=lambda key: (len(str(key)), str(key))))
    joined = [keys | record for record in records]
    return [one if len(one) == len(record) else record for one, record in zip(joined, records, strict=True)]


def _keys_of_patches(rows: Sequence[Row]) -> list[str]:
    """The keys of every record, as an array of the server; NULL where a record is not partial."""
    known: dict[tuple[str, ...], str] = {}
    return [_array(record, known) if isinstance(record := row.get("record"), dict) else NULL for row in rows]


def _array(record: Row, known: dict[tuple[str, ...], str]) -> str:
    """The keys of a record as an array; of keys that are texts it is made once."""
    names = tuple(record)
    if (text := known.get(names)) is None:
        text = _array_of_keys(record)
        if {*map(type, names)} == {str}:  # others can be equal and not the same
            known[names] = text
    return text


def _array_of_keys(record: Row) -> str:
    keys = [key.replace("\\", "\\\\").replace('"', '\\"') for key in storable_keys(record)]
    text = "{" + ",".join(f'"{key}"' for key in keys) + "}"
    return "\\n".join(escaped(text.split("\n")))


def _all_of_patches(rows: Sequence[Row]) -> list[str]:
    """The same where the keys of the record stand in the record itself, and nowhere else."""
    return ["{NULL}" if isinstance(row.get("record"), dict) else NULL for row in rows]


def _patch_or_put(rows: Sequence[Row]) -> list[str]:
    return [str(Act.PATCH if isinstance(row.get("record"), dict) else Act.PUT) for row in rows]


PARTIAL: CopyColumn = ("_partial", _keys_of_patches)
PARTIAL_RECORD: CopyColumn = ("_partial", _all_of_patches)
PARTIAL_NONE: CopyColumn = ("_partial", lambda rows: [NULL] * len(rows))
PATCHES: CopyColumn = ("act", _patch_or_put)
PUTS: CopyColumn = ("act", lambda rows: [str(Act.PUT)] * len(rows))
