"""The index of a typed table's key and the checks of its enumerations, which its layout says it has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_pusher_postgres._tables.attempts import attempt
from fustor_pusher_postgres._tables.schema import qualified
from fustor_pusher_postgres._tables.tables import Table

_INDEXED_MAX_BYTES = 2_600  # what a page of an index has room for, of one entry


def make_index(cur: cursor, table: Table) -> tuple[str, ...]:
    """Make the index of the declared key; the columns that it has, none where it cannot be."""
    key = table.layout.key
    if not key or not {*key} <= {name for name, _ in table.columns}:
        return ()
    statement = sql.SQL("CREATE INDEX {} ON {} ({})").format(
        sql.Identifier(_index_name(table)), table.relation, sql.SQL(", ").join(map(sql.Identifier, key))
    )
    otherwise = f"Table {table.name!r} gets no index of its key {list(key)!r}"
    return key if attempt(cur, otherwise, cur.execute, statement) else ()


def drop_index(cur: cursor, table: Table) -> None:
    """Take the index away, if there is one."""
    cur.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(qualified(table.schema, _index_name(table))))


def is_indexable(table: Table, record: Mapping[str, Any]) -> bool:
    """Whether the index has room for a record's key."""
    return sum(len(str(record.get(name)).encode()) for name in table.layout.index or ()) <= _INDEXED_MAX_BYTES


def make_checks(cur: cursor, table: Table) -> tuple[str, ...]:
    """Have the values of every declared enumeration checked; the columns that are."""
    columns = dict(table.columns)
    return tuple(
        name
        for name, labels in table.layout.labels.items()
        if columns.get(name) == "text" and _is_checked(cur, table, name, labels)
    )


def drop_checks(cur: cursor, table: Table, names: Sequence[str]) -> None:
    """Have the values of these columns checked no more."""
    for name in names:
        statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}")
        cur.execute(statement.format(table.relation, sql.Identifier(_check_name(name))))


def refusing(table: Table, record: Mapping[str, Any]) -> list[str]:
    """The columns whose checks refuse the record."""
    layout = table.layout
    return [name for name in layout.checks or () if record.get(name) not in (None, *layout.labels.get(name, ()))]


def _is_checked(cur: cursor, table: Table, name: str, labels: Sequence[str]) -> bool:
    statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} = ANY ({}::pg_catalog.text[]))").format(
        table.relation, sql.Identifier(_check_name(name)), sql.Identifier(name), sql.Literal(list(labels))
    )
    return attempt(cur, f"Column {name!r} of table {table.name!r} is not checked", cur.execute, statement)


def _index_name(table: Table) -> str:
    return f"_fustor_key_{table.number}"


def _check_name(column: str) -> str:
    return f"_fustor_labels_{hashlib.sha256(column.encode()).hexdigest()[:16]}"
