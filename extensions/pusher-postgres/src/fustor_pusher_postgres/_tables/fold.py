"""The columns of a typed table as the record that they came from."""

from __future__ import annotations

from psycopg2 import sql

from fustor_pusher_postgres._tables.tables import Table, as_text

__all__ = ["IS_OBJECT", "OF_RECORDS", "whole_record"]

_PAIRS = 40  # a function takes a hundred arguments
_JSON_KINDS = frozenset(
    {"smallint", "integer", "bigint", "oid", "real", "double precision", "boolean", "json", "jsonb"}
)
"""Types whose values are the same in JSON; of any other one JSON has the text."""
IS_OBJECT = "pg_catalog.jsonb_typeof(record) = 'object'"
OF_RECORDS = f"CASE WHEN {IS_OBJECT} THEN record END"


def whole_record(table: Table) -> sql.Composable:
    """The record of a row of this table, as its source told it; a row that has none, and no column either, has none."""
    if not table.columns:
        return sql.SQL("record")
    empty = sql.SQL(" AND ").join([sql.SQL("{} IS NULL").format(sql.Identifier(name)) for name, _ in table.columns])
    return sql.SQL(
        "CASE WHEN {is_object} OR record IS NULL AND NOT ({empty}) THEN coalesce({records}, '{{}}') || {columns}"
        " ELSE record END"
    ).format(is_object=sql.SQL(IS_OBJECT), empty=empty, records=sql.SQL(OF_RECORDS), columns=_object(table))


def _object(table: Table) -> sql.Composable:
    """The columns of a table as one jsonb."""
    pairs = [sql.SQL("{}, {}").format(sql.Literal(name), _in_json(table, name, kind)) for name, kind in table.columns]
    parts = [pairs[start : start + _PAIRS] for start in range(0, len(pairs), _PAIRS)]
    return sql.SQL(" || ").join(
        [sql.SQL("pg_catalog.jsonb_build_object({})").format(sql.SQL(", ").join(part)) for part in parts]
    )


def _in_json(table: Table, name: str, kind: str) -> sql.Composable:
    """The values of a column as their source tells them."""
    column = sql.Identifier(name)
    native = table.layout.native(name)
    element = kind.removesuffix("[]")
    if kind in _JSON_KINDS or (kind == "numeric" and (native is None or native.sql != kind)):
        return sql.SQL("pg_catalog.to_jsonb({})").format(column)
    if element != kind:
        if element in _JSON_KINDS:
            return sql.SQL("pg_catalog.to_jsonb({})").format(column)
        array = column if element == "box" else as_text(column, kind)  # of boxes, the text has semicolons
        return sql.SQL("pg_catalog.to_jsonb(({})::pg_catalog.text[])").format(array)
    return sql.SQL("pg_catalog.to_jsonb({})").format(as_text(column, kind))
