"""How a record is written: as one jsonb, or as columns with types where the configuration asks for that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from psycopg2 import sql

from fustor_pusher_postgres._tables.columns import Act
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._tables.types import Native
from fustor_pusher_postgres._write.rows import Entry

__all__ = ["Variant", "key_of", "patching", "plain", "replacing", "rest_of", "texts_of", "value_of"]

Parts: TypeAlias = dict[str, sql.Composable]
_MERGED = (
    "CASE WHEN jsonb_typeof(t.record) = 'object' AND jsonb_typeof(excluded.record) = 'object'"
    " THEN t.record || excluded.record ELSE excluded.record END"
)
_MERGED_REST = f"CASE WHEN excluded.record IS NULL THEN t.record ELSE {_MERGED} END"
"""Of a table with columns: an update that tells nothing but columns says nothing of the keys that are none."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of the upsert, and the rows that it is for."""

    acts: list[int]
    paths: list[str] | None
    """Only these; None: all that act so."""
    parts: Parts


def replacing(table: Table, group: list[Entry]) -> Iterator[Variant]:
    """Rows that replace all that is known of their path."""
    if any(entry.act in (Act.PUT, Act.REPLACE) for entry in group):
        yield Variant(
            [Act.PUT, Act.REPLACE], None, _parts(table, [name for name, _ in table.columns], "excluded.record")
        )


def plain(table: Table, acts: Collection[int]) -> list[Variant]:
    """Rows of a table without columns of its own, of which these acts are asked."""
    patches = [Variant([Act.PATCH], None, _parts(table, [], _MERGED))] if Act.PATCH in acts else []
    whole = [Variant([Act.PUT, Act.REPLACE], None, _parts(table, [], "excluded.record"))]
    return patches if {*acts} == {Act.PATCH} else [*patches, *whole]


def patching(table: Table, group: list[Entry]) -> Iterator[Variant]:
    """Rows whose record may lack columns, which keep their values; one form for every set of columns told."""
    patches = [entry for entry in group if entry.act == Act.PATCH]
    if not patches:
        return
    if not table.columns:
        yield Variant([Act.PATCH], None, _parts(table, [], _MERGED))
        return
    by_told: dict[frozenset[str], list[str]] = {}
    for entry in patches:
        by_told.setdefault(frozenset(entry.record), []).append(entry.path)
    for told, paths in by_told.items():
        columns = [name for name, _ in table.columns if key_of(name) in told]
        yield Variant([Act.PATCH], paths, _parts(table, columns, _MERGED_REST))


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


def key_of(column: str) -> str:
    """The key of the record that became this column."""
    return column


def _parts(table: Table, assigned: list[str], joined: str) -> Parts:
    columns = table.columns
    return {
        "columns": sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name, _ in columns),
        "values": sql.SQL("").join(sql.SQL(", {}").format(value_of(key_of(name), kind)) for name, kind in columns),
        "record": rest_of(table),
        "joined": sql.SQL(joined),
        "assignments": sql.SQL("").join(
            sql.SQL(", {0} = excluded.{0}").format(sql.Identifier(name)) for name in assigned
        ),
    }


def rest_of(table: Table) -> sql.Composable:
    """What stays of a staged record beside the columns."""
    keys = [key_of(name) for name, _ in table.columns]
    if not keys:
        return sql.SQL("s.record")
    return sql.SQL("NULLIF(s.record - {}::text[], '{{}}'::jsonb)").format(sql.Literal(keys))


def value_of(key: str, kind: str) -> sql.Composable:
    """What a column of this type gets out of a staged record."""
    if kind == "jsonb":
        return sql.SQL("NULLIF(s.record -> {}, 'null'::jsonb)").format(sql.Literal(key))
    return sql.SQL("(s.record ->> {})::{}").format(sql.Literal(key), sql.SQL(kind))
