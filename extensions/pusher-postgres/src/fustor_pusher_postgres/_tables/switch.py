"""A table that is there gets the form that the configuration asks for: records become columns, or one jsonb again."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import reduce

from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_pusher_postgres._tables.attempts import attempt
from fustor_pusher_postgres._tables.declare import Declarations
from fustor_pusher_postgres._tables.layout import NO_LAYOUT, Room, can_be_column, joined_type
from fustor_pusher_postgres._tables.schema import TABLES, TASKS, qualified
from fustor_pusher_postgres._tables.state import load
from fustor_pusher_postgres._tables.tables import Table, Tables, as_text, load_tables, value_of
from fustor_pusher_postgres._tables.types import Native
from fustor_pusher_postgres.config import PostgresParams

_PAIRS = 40  # a function takes a hundred arguments
_JSON_KINDS = frozenset(
    {"smallint", "integer", "bigint", "oid", "real", "double precision", "boolean", "json", "jsonb"}
)
"""Types whose values are the same in JSON; of any other one JSON has the text."""
IS_OBJECT = "pg_catalog.jsonb_typeof(record) = 'object'"
OF_RECORDS = f"CASE WHEN {IS_OBJECT} THEN record END"


def whole_record(table: Table) -> sql.Composable:
    """The record of a row of this table, as its source reported it; NULL where the row had none."""
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
    """The values of a column as their source reports them."""
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


_log = logging.getLogger(__name__)
_KEYS_MAX = 10_000  # more have no room anyway
_KEYS = """
SELECT e.key, pg_catalog.array_agg(DISTINCT CASE pg_catalog.jsonb_typeof(e.value)
    WHEN 'number' THEN CASE WHEN e.value::text ~ '^-?[0-9]{{1,18}}$' THEN 'bigint' ELSE 'numeric' END
    WHEN 'boolean' THEN 'boolean' WHEN 'string' THEN 'text' ELSE 'jsonb' END)
FROM {table}, pg_catalog.jsonb_each({records}) e
WHERE pg_catalog.jsonb_typeof(e.value) <> 'null' GROUP BY e.key ORDER BY e.key LIMIT {most}
"""


def settle(cur: cursor, params: PostgresParams, session_id: str) -> None:
    """Give the tables of a session's task the form and the indexes that the configuration asks for.

    One that cannot be given it keeps what it has, and a warning says why. What is in it stays the same either way.
    """
    state = load(cur, params.schema_name, session_id)
    if not _is_unsettled(cur, params, state.number):
        return
    version = state.tables_version
    tables = Tables(cur, params.schema_name, state, load_tables(cur, params.schema_name, state))
    declarations = Declarations(params, tables)
    for table in tables.all():
        if not table.key[1]:
            continue
        known = tables.all()
        otherwise = f"Table {table.name!r} keeps the form it has"
        if not attempt(cur, otherwise, _settle_one, params, tables, declarations, table):
            tables.reset(known)
    if state.tables_version != version:
        update = sql.SQL("UPDATE {} SET tables_version = %s WHERE number = %s")
        cur.execute(update.format(qualified(params.schema_name, TASKS)), (state.tables_version, state.number))


def _is_unsettled(cur: cursor, params: PostgresParams, task: int) -> bool:
    query = sql.SQL(
        "SELECT event_schema, event_table, typed, coalesce(layout ->> 'index', '') <> '',"
        " coalesce(layout ->> 'checks', '') <> '' FROM {} WHERE task = %s AND event_table <> ''"
    )
    cur.execute(query.format(qualified(params.schema_name, TABLES)), (task,))
    return any(
        is_typed != params.is_typed(event_schema, table)
        or (is_typed and (has_index, has_checks) != (params.key_index, params.enum_checks))
        for event_schema, table, is_typed, has_index, has_checks in cur.fetchall()
    )


def _settle_one(params: PostgresParams, tables: Tables, declarations: Declarations, table: Table) -> None:
    is_typed = params.is_typed(*table.key)
    if is_typed != table.is_typed:
        _log.warning("Table %r is rewritten: %s", table.name, "columns, no jsonb" if is_typed else "jsonb, no columns")
        table = _to_columns(tables, declarations, table) if is_typed else _to_jsonb(tables, table)
    if is_typed:
        declarations.guard(table)


def _to_columns(tables: Tables, declarations: Declarations, table: Table) -> Table:
    """Every key that has a value becomes a column that holds all of them; then those that are declared do."""
    told = table.layout
    kinds = _kinds(tables.cur, table)
    table = tables.note_form(replace(table, layout=NO_LAYOUT), is_typed=True)
    if kinds:
        table = tables.alter(table, kinds)
        assignments = [
            sql.SQL("{} = {}").format(sql.Identifier(key), value_of("record", key, kinds[key])) for key in kinds
        ]
        statement = sql.SQL("UPDATE {} SET {}, record = NULLIF(record - {}::pg_catalog.text[], '{{}}')").format(
            table.relation, sql.SQL(", ").join(assignments), sql.Literal(list(kinds))
        )
        tables.cur.execute(statement + sql.SQL(f" WHERE {IS_OBJECT}"))
    return declarations.apply(table, told)


def _kinds(cur: cursor, table: Table) -> dict[str, str]:
    query = sql.SQL(_KEYS).format(table=table.relation, records=sql.SQL(OF_RECORDS), most=sql.Literal(_KEYS_MAX))
    cur.execute(query)
    room = Room({}, table.last_number)
    found = {
        key: "jsonb" if _is_json(table.layout.native(key)) else reduce(joined_type, kinds)
        for key, kinds in cur.fetchall()
        if can_be_column(key)
    }
    return {key: kind for key, kind in found.items() if room.take(kind)}


def _to_jsonb(tables: Tables, table: Table) -> Table:
    layout = replace(table.layout, index=None, checks=None)
    if table.columns:
        statement = sql.SQL("UPDATE {} SET record = {}").format(table.relation, whole_record(table))
        tables.cur.execute(statement)
        drops = [sql.SQL("DROP COLUMN {}").format(sql.Identifier(name)) for name, _ in table.columns]
        tables.cur.execute(sql.SQL("ALTER TABLE {} {}").format(table.relation, sql.SQL(", ").join(drops)))
    return tables.note_layout(tables.note_form(replace(table, columns=()), is_typed=False), layout)


def _is_json(native: Native | None) -> bool:
    """Whether values of a declared type are documents, or lists."""
    return native is not None and (native.sql in ("json", "jsonb") or native.sql.endswith("[]"))
