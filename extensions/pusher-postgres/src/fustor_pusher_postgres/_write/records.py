"""How a staged record is written: as one jsonb, or as columns with types where the configuration asks for that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from psycopg2 import sql

from fustor_pusher_postgres._tables.columns import Act
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._tables.types import Native
from fustor_pusher_postgres._write.rows import Entry
from fustor_pusher_postgres._write.statements import DIFFERING

Parts: TypeAlias = dict[str, sql.Composable]
_WHOLE = "excluded.record"
_MERGED = (
    "CASE WHEN jsonb_typeof(t.record) = 'object' AND jsonb_typeof(excluded.record) = 'object'"
    " THEN t.record || excluded.record ELSE excluded.record END"
)
_MERGED_REST = f"CASE WHEN excluded.record IS NULL THEN t.record ELSE {_MERGED} END"
"""Of a table with columns: an update with nothing but columns says nothing of the other keys."""
_KEPT = (
    "coalesce((SELECT pg_catalog.jsonb_object_agg(e.key, e.value) FROM pg_catalog.jsonb_each("
    "CASE WHEN pg_catalog.jsonb_typeof(t.record) = 'object' THEN t.record END) AS e"
    " WHERE e.key = ANY(t._partial)), '{{}}'::pg_catalog.jsonb)"
)
_COLUMN_DIFFERS = """
OR pg_catalog.num_nulls({known}) <> pg_catalog.num_nulls({told})
OR pg_catalog.concat({known}) <> pg_catalog.concat({told})"""
"""As its type prints it: not every type has an equality."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of the upsert, and the rows that it is for."""

    acts: list[int]
    paths: list[str] | None
    """Only these; None: all that act so."""
    parts: Parts


def variants_of(table: Table, group: Sequence[Entry]) -> list[Variant]:
    """The forms that these rows need: a patch keeps columns that it lacks, so there is one for each set of columns."""
    acts = {entry.act for entry in group}
    if not table.columns:
        return plain_variants(table, acts)
    by_told: dict[frozenset[str], list[str]] = {}
    for entry in group:
        if entry.act == Act.PATCH:
            by_told.setdefault(frozenset(entry.record), []).append(entry.path)
    names = [name for name, _ in table.columns]
    whole = [Variant([Act.PUT, Act.REPLACE], None, _parts(table, names, _WHOLE))]
    return (whole if acts != {Act.PATCH} else []) + [
        Variant([Act.PATCH], paths, _parts(table, [name for name in names if name in told], _MERGED_REST))
        for told, paths in by_told.items()
    ]


def plain_variants(table: Table, acts: Collection[int]) -> list[Variant]:
    """The forms for rows of a table without columns of its own, of which these acts are asked."""
    patches = [Variant([Act.PATCH], None, _parts(table, [], _MERGED))] if Act.PATCH in acts else []
    whole = [Variant([Act.PUT, Act.REPLACE], None, _parts(table, [], _WHOLE))]
    return patches if {*acts} == {Act.PATCH} else [*patches, *whole]


def texts_of(record: Any, forms: Mapping[str, Native]) -> Any:
    """A record with the texts that columns of declared types read; a document of jsonb stays what it is."""
    if not forms or not isinstance(record, Mapping):
        return record
    return {
        key: native.text(value)
        if value is not None
        and (native := forms.get(key)) is not None
        and native.sql != "jsonb"
        and native.takes(value)
        else value
        for key, value in record.items()
    }


def differing(table: Table, name: str) -> sql.Composable:
    """The condition that a staged row `s` differs from the row of this table that goes by a name."""
    row = sql.Identifier(name)
    columns = [
        sql.SQL(_COLUMN_DIFFERS).format(known=sql.Identifier(name, column), told=_value_of(column, kind))
        for column, kind in table.columns
    ]
    return sql.SQL(DIFFERING + "{columns}").format(t=row, record=_rest_of(table), columns=sql.SQL("").join(columns))


def supply(table: Table) -> Parts:
    """What completes rows that realtime reported in part, from the snapshot's rows, in the columns of this table.

    Source: driver contract, section 8, point 7. What is awaited stands in `_partial` of the row.
    """
    keys = [name for name, _ in table.columns]
    record = f"(s.record - t._partial) || {_KEPT}"
    if keys:
        record = f"NULLIF((s.record - t._partial - {{keys}}::text[]) || {_KEPT}, '{{{{}}}}'::pg_catalog.jsonb)"
    assignments = [
        sql.SQL(", {name} = CASE WHEN {key} = ANY(t._partial) THEN t.{name} ELSE {value} END").format(
            name=sql.Identifier(name), key=sql.Literal(name), value=_value_of(name, kind)
        )
        for name, kind in table.columns
    ]
    return {
        "record": sql.SQL(record).format(keys=sql.Literal(keys)),
        "assignments": sql.SQL("").join(assignments),
    }


def _parts(table: Table, assigned: list[str], joined: str) -> Parts:
    columns = table.columns
    return {
        "columns": sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name, _ in columns),
        "values": sql.SQL("").join(sql.SQL(", {}").format(_value_of(name, kind)) for name, kind in columns),
        "record": _rest_of(table),
        "joined": sql.SQL(joined),
        "assignments": sql.SQL("").join(
            sql.SQL(", {0} = excluded.{0}").format(sql.Identifier(name)) for name in assigned
        ),
    }


def _rest_of(table: Table) -> sql.Composable:
    """What stays of a staged record beside the columns."""
    keys = [name for name, _ in table.columns]
    if not keys:
        return sql.SQL("s.record")
    return sql.SQL("NULLIF(s.record - {}::text[], '{{}}'::jsonb)").format(sql.Literal(keys))


def _value_of(key: str, kind: str) -> sql.Composable:
    """What a column of this type gets out of a staged record."""
    if kind == "jsonb":
        return sql.SQL("NULLIF(s.record -> {}, 'null'::jsonb)").format(sql.Literal(key))
    return sql.SQL("(s.record ->> {})::{}").format(sql.Literal(key), sql.SQL(kind))
