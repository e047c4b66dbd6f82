"""Rows that another table has until now, since a path is in the table that tells of it last."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from psycopg2 import sql
from pydantic_core import to_json

from fustor_pusher_postgres._tables.attempts import attempt
from fustor_pusher_postgres._tables.switch import whole_record
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write import statements
from fustor_pusher_postgres._write.statements import moved_parts, texts_of
from fustor_pusher_postgres._write.writer import Writer

_DIGITS_MAX = 4_000  # `int` reads no more than 4,300


def move(writer: Writer, table: Table, paths: Sequence[str], names: Collection[str]) -> Table:
    """Bring here what other tables have of staged rows; return the table, which may have got wider for that.

    Args:
        writer: Where to.
        table: The home of the rows.
        paths: Theirs.
        names: The paths of the run, and all that is above them.

    Raises:
        RowRefused: a view is on a column that would have to be wider.
    """
    for other in writer.tables.holding(names):
        if other.number == table.number or not _is_between(writer, other, paths):
            continue
        if table.is_typed:
            table = _into_columns(writer, other, table)
        else:
            _insert(writer, other, table, {"record": whole_record(other)} | moved_parts(None))
    return table


def _is_between(writer: Writer, table: Table, paths: Sequence[str]) -> bool:
    """Whether a table has any path between the first and the last of a group: if not, it has none of them."""
    query = "SELECT EXISTS (SELECT FROM {t} WHERE path BETWEEN %(low)s AND %(high)s)"
    # by code points as by bytes: UTF-8 keeps their order
    return writer.run(query, table, low=min(paths), high=max(paths)) == [(True,)]


def _into_columns(writer: Writer, other: Table, table: Table) -> Table:
    """Bring rows into a typed table: what is in their records goes to its columns, which are made for that."""
    query = sql.SQL(statements.MOVING).format(y=other.relation, record=whole_record(other))
    found = writer.execute(query, home=table.number)
    if not found:
        return table
    columns = {name for name, _ in other.columns}
    records = {path: _read(text, columns) for path, text in found}
    table = writer.tables.widen(table, records.values())
    if not attempt(writer.cur, None, _insert_typed, writer, other, table, records):
        # a declared type does not take a value that the other table's does
        for record in records.values():
            if isinstance(record, Mapping):
                writer.declarations.give_way(table.key, record)
        table = writer.tables.find(table.key) or table
        _insert_typed(writer, other, table, records)
    return table


def _insert_typed(writer: Writer, other: Table, table: Table, records: Mapping[str, Any]) -> None:
    forms = table.forms()
    texts = [None if record is None else to_json(texts_of(record, forms)).decode() for record in records.values()]
    _insert(writer, other, table, moved_parts(table), moved=[*records], records=texts)


def _insert(writer: Writer, other: Table, table: Table, parts: statements.Parts, **values: Any) -> None:
    for place in table.places:
        query = sql.SQL(statements.MOVE).format(y=other.relation, **place.parts("s.path", "moved.path"), **parts)
        writer.execute(query, home=table.number, **values)


def _read(text: str | None, columns: Collection[str]) -> Any:
    """A record as its source reported it; of a column that is NULL, nobody knows whether it was."""
    if text is None:
        return None
    record = json.loads(text, parse_int=_whole, parse_float=_fraction)
    if not isinstance(record, dict):
        return record
    return {key: value for key, value in record.items() if value is not None or key not in columns}


def _whole(text: str) -> int | str:
    return int(text) if len(text) < _DIGITS_MAX else text


def _fraction(text: str) -> float | str:
    """A number; its text where no float is the same."""
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text
