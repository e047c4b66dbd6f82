"""Partial records: columns that realtime left out come from the snapshot's row, though that is ignored otherwise.

Source: driver contract, section 8, point 7. What is awaited stands in `_partial` of the row.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg2 import sql

from fustor_pusher_postgres._fast.columns import Column, Row, escaped
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.records import key_of, value_of
from fustor_pusher_postgres._write.stage import NULL, storable_keys

__all__ = ["PARTIAL", "PARTIAL_NONE", "supply"]

_KEPT = (
    "coalesce((SELECT pg_catalog.jsonb_object_agg(e.key, e.value) FROM pg_catalog.jsonb_each("
    "CASE WHEN pg_catalog.jsonb_typeof(t.record) = 'object' THEN t.record END) AS e"
    " WHERE e.key = ANY(t._partial)), '{{}}'::pg_catalog.jsonb)"
)


def supply(table: Table) -> dict[str, sql.Composable]:
    """The parts of the statement that completes rows from what the snapshot tells, in the columns of this table."""
    keys = [key_of(name) for name, _ in table.columns]
    record = f"(s.record - t._partial) || {_KEPT}"
    if keys:
        record = f"NULLIF((s.record - t._partial - {{keys}}::text[]) || {_KEPT}, '{{{{}}}}'::pg_catalog.jsonb)"
    assignments = [
        sql.SQL(", {name} = CASE WHEN {key} = ANY(t._partial) THEN t.{name} ELSE {value} END").format(
            name=sql.Identifier(name), key=sql.Literal(key_of(name)), value=value_of(key_of(name), kind)
        )
        for name, kind in table.columns
    ]
    return {
        "record": sql.SQL(record).format(keys=sql.Literal(keys)),
        "assignments": sql.SQL("").join(assignments),
    }


def told_keys(rows: Sequence[Row]) -> list[str]:
    """For COPY: the keys of every record, as an array of the server; NULL where a record is not partial."""
    return [_array(record) if isinstance(record := row.get("record"), dict) else NULL for row in rows]


def _array(record: Row) -> str:
    keys = [key.replace("\\", "\\\\").replace('"', '\\"') for key in storable_keys(record)]
    text = "{" + ",".join(f'"{key}"' for key in keys) + "}"
    return "\\n".join(escaped(text.split("\n")))


PARTIAL: Column = ("_partial", told_keys)
PARTIAL_NONE: Column = ("_partial", lambda rows: [NULL] * len(rows))
