# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql, values are parameters
"""The statements that write a run, and what of them depends on the columns of a table.

`{t}` is a table of rows, `{f}` the table of facts, `{n}` what an audit reports. Facts are what sessions said of a path.
They stand on its row (the columns that begin with `_`) or, where there is none, in the table of facts; both count. What
an audit reports stands in a table of its own, while it lasts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from psycopg2 import sql

from fustor_pusher_postgres._tables.columns import COLUMNS, Act
from fustor_pusher_postgres._tables.paths import KEY, LONG_PATH
from fustor_pusher_postgres._tables.tables import Table, value_of
from fustor_pusher_postgres._tables.types import Native

_COMES = "s.run = %(run)s AND s.home = %(home)s AND s.act = ANY(%(acts)s)"
_GOES = f"act IN ({Act.DELETE}, {Act.REPLACE})"
_INSERTED = [column for column in COLUMNS if column.new]
_IMPLIED = [column for column in COLUMNS if column.implied]
_FACT = f"{KEY.format(path='path')}, {LONG_PATH.format(path='path')}"
_ON_FACT = """ON CONFLICT (task, path) DO UPDATE SET
    at = greatest(f.at, excluded.at), below = greatest(f.below, excluded.below),
    told = greatest(f.told, excluded.told), dark = coalesce(excluded.dark, f.dark)"""
_KEPT_FACTS = f"""kept AS (
    INSERT INTO {{f}} AS f (task, path, long_path, told, dark)
    SELECT %(task)s, {_FACT}, coalesce(_told, mtime), _dark FROM gone WHERE %(keep)s AND _session = %(session)s
    {_ON_FACT}
)"""

UPSERT = f"""
INSERT INTO {{into}} AS t ({", ".join(column.name for column in _INSERTED)}{{columns}}{{digest}})
SELECT {", ".join(f"{column.new}" for column in _INSERTED)}{{values}}{{digest_value}}
FROM pg_temp._fustor_stage s {{known}} WHERE {_COMES} {{only}}
ON CONFLICT ({{key}}) DO UPDATE SET
    {", ".join(f"{column.name} = {column.over}" for column in COLUMNS if column.over)}{{assignments}}
WHERE (NOT t.is_directory OR excluded.is_directory) {{guard}}
"""
TOLD_KEYS = "ARRAY(SELECT pg_catalog.jsonb_object_keys(s.record))"
ADDED_KEYS = """CASE WHEN t._session IS DISTINCT FROM excluded._session THEN excluded._partial
        WHEN t._partial IS NULL THEN NULL
        WHEN t._partial = '{NULL}' OR t._partial @> excluded._partial THEN t._partial
        ELSE t._partial || excluded._partial END"""
DIFFERING = " OR ".join(column.differs for column in COLUMNS if column.differs)
UNMARKED = "AND (t._at IS NULL OR t._at <= %(limit)s)"
YOUNG = (
    UNMARKED + " AND (t._session IS DISTINCT FROM %(session)s OR coalesce(t._told, t.mtime, '-Infinity') < {s}.mtime)"
)

SUPPLY = f"""
UPDATE {{t}} t SET record = {{record}}, _partial = NULL{{assignments}}
FROM pg_temp._fustor_stage s
WHERE {_COMES} AND t.path = s.path AND t._session = %(session)s AND t._partial IS NOT NULL AND t._at > %(limit)s
    AND pg_catalog.jsonb_typeof(s.record) = 'object'
"""
CONFLICTS = f"""
SELECT s.path FROM pg_temp._fustor_stage s JOIN {{t}} t USING (path)
WHERE {_COMES} AND t.is_directory AND NOT s.is_directory {{guard}}
"""
SUPPRESSED = f"""
SELECT s.path FROM pg_temp._fustor_stage s LEFT JOIN {{t}} t USING (path)
WHERE {_COMES} AND (t.path IS NULL
    OR pg_catalog.age(t.xmin) > 0 AND (NOT t.is_directory OR s.is_directory) {{guard}}) LIMIT 1
"""
MERGE_FACTS = """
UPDATE {t} t SET
    _session = %(session)s, _partial = CASE WHEN t._session = %(session)s THEN t._partial END,
    _told = greatest(coalesce(s.told, s.mtime), CASE WHEN t._session = %(session)s THEN coalesce(t._told, t.mtime) END),
    _dark = coalesce(s.dark, CASE WHEN t._session = %(session)s THEN t._dark END)
FROM pg_temp._fustor_stage s
WHERE s.run = %(run)s AND s.home = %(home)s AND t.path = s.path AND (
    t._session IS DISTINCT FROM %(session)s OR coalesce(t._told, t.mtime) IS NULL
    OR coalesce(t._told, t.mtime) < coalesce(s.told, s.mtime) OR s.dark AND t._dark IS NOT TRUE)
"""
_MOVED = ", ".join(
    {
        "record": "{record}",
        "_partial": "CASE WHEN _partial = '{{NULL}}' THEN ARRAY(SELECT pg_catalog.jsonb_object_keys(moved.record))"
        " ELSE _partial END",
    }.get(column.name, f"moved.{column.name}")
    for column in COLUMNS
)
MOVE = f"""
WITH moved AS (DELETE FROM {{y}} t USING pg_temp._fustor_stage s
    WHERE s.run = %(run)s AND s.home = %(home)s AND t.path = s.path{{only}} RETURNING t.*)
INSERT INTO {{into}} ({", ".join(column.name for column in COLUMNS)}{{columns}}{{digest}})
SELECT {_MOVED}{{values}}{{digest_value}} FROM moved{{read}}
"""
MOVING = """
WITH found AS (SELECT t.* FROM {y} t JOIN pg_temp._fustor_stage s USING (path)
    WHERE s.run = %(run)s AND s.home = %(home)s)
SELECT path, ({record})::pg_catalog.text FROM found
"""
_READ = """
JOIN (SELECT path, record::pg_catalog.jsonb FROM unnest(%(moved)s::text[], %(records)s::text[])
    AS told (path, record)) s ON s.path = moved.path"""
"""The records of rows that move, with the texts that the columns of their new table read."""

DELETE = f"""
WITH gone AS (
    DELETE FROM {{t}} t USING pg_temp._fustor_stage s WHERE s.run = %(run)s AND s.{_GOES} AND t.path = s.path
    RETURNING t.path, t.is_directory, t.mtime, t._session, t._told, t._dark
), {_KEPT_FACTS}
SELECT pg_catalog.count(*), pg_catalog.array_agg(path) FILTER (WHERE is_directory) FROM gone
"""
CUT = f"""
WITH gone AS (
    DELETE FROM {{t}} t USING unnest(%(lows)s::text[], %(highs)s::text[]) AS range (low, high)
    WHERE t.path > range.low AND t.path < range.high
    RETURNING t.path, t.mtime, t._session, t._told, t._dark
), {_KEPT_FACTS}
SELECT pg_catalog.count(*) FROM gone
"""
KEPT = f"""
SELECT (SELECT pg_catalog.count(*) FROM {{t}} t JOIN pg_temp._fustor_stage s ON t.path = s.path
    WHERE s.run = %(run)s AND s.act = {Act.DELETE}) + (SELECT pg_catalog.count(*) FROM {{t}} t
    JOIN unnest(%(lows)s::text[], %(highs)s::text[]) AS range (low, high)
    ON t.path > range.low AND t.path < range.high)
"""
TOMBSTONES = f"""
INSERT INTO {{f}} AS f (task, path, long_path, at, below, told)
SELECT %(task)s, {_FACT}, %(clock)s::bigint, %(clock)s::bigint, told
FROM pg_temp._fustor_stage WHERE run = %(run)s AND {_GOES}
{_ON_FACT}
"""
TOUCHED = """
SELECT EXISTS (SELECT FROM {t} t
    WHERE (t.path = %(path)s OR t.path > %(low)s AND t.path < %(high)s) AND t._at > %(limit)s)
"""

NOTE = f"""
INSERT INTO {{f}} AS f (task, path, long_path, told, dark)
SELECT %(task)s, {_FACT}, told, dark
FROM unnest(%(paths)s::text[], %(tolds)s::float8[], %(darks)s::boolean[]) AS noted (path, told, dark)
{_ON_FACT}
"""
REPORT = """
INSERT INTO {n} (audit, home, path, seen)
SELECT %(audit)s, home, path, seen FROM pg_temp._fustor_stage WHERE run = %(run)s
"""
REPORT_REFUSED = "INSERT INTO {n} (audit, home, path, seen) VALUES (%(audit)s, 0, %(path)s, %(seen)s)"

CLEAR = f"""
UPDATE {{t}} SET {", ".join(f"{column.name} = {column.emptied}" for column in COLUMNS if column.emptied)}{{cleared}}
WHERE path = ANY(%(paths)s) RETURNING path
"""
IMPLY = f"""
INSERT INTO {{into}} ({", ".join(column.name for column in _IMPLIED)}{{digest}})
SELECT {", ".join(f"{column.implied}" for column in _IMPLIED)}{{digest_value}}
FROM pg_catalog.unnest(%(paths)s::text[]) AS implied (path)
WHERE true{{only}} ON CONFLICT ({{key}}) DO NOTHING
"""

Parts: TypeAlias = dict[str, sql.Composable]
_WHOLE = "excluded.record"
_MERGED = (
    "CASE WHEN jsonb_typeof(t.record) = 'object' AND jsonb_typeof(excluded.record) = 'object'"
    " THEN t.record || excluded.record ELSE excluded.record END"
)
_MERGED_REST = """CASE
        WHEN pg_catalog.jsonb_typeof(t.record) = 'object'
            AND coalesce(pg_catalog.jsonb_typeof(excluded.record), 'object') = 'object'
        THEN NULLIF((t.record - {told}::text[]) || coalesce(excluded.record, '{{}}'), '{{}}'::pg_catalog.jsonb)
        ELSE coalesce(excluded.record, t.record) END"""
"""Of a table with columns: an update with nothing but columns says nothing of the other keys.

A key may have been in the record of the row before a value made a column for it.
"""
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


def variants_of(table: Table, acts: Collection[int], patches: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Variant]:
    """The forms that rows need of which these acts are asked.

    Of a table with columns there is one for each set of columns that a patch has.

    Args:
        table: Their home.
        acts: What is asked.
        patches: Path and record of those that keep the columns that they lack.
    """
    names = [name for name, _ in table.columns]
    by_told: dict[frozenset[str], list[str]] = {}
    if names:
        for path, record in patches:
            by_told.setdefault(frozenset(record), []).append(path)
    elif Act.PATCH in acts:
        by_told[frozenset()] = []
    are_alike = len(by_told) == 1
    whole = [Variant([Act.PUT, Act.REPLACE], None, _parts(table, names, _WHOLE))]
    return (whole if {*acts} != {Act.PATCH} else []) + [
        Variant(
            [Act.PATCH],
            None if are_alike else paths,
            _parts(table, [name for name in names if name in told], _MERGED_REST if names else _MERGED),
        )
        for told, paths in by_told.items()
    ]


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
        sql.SQL(_COLUMN_DIFFERS).format(known=sql.Identifier(name, column), told=value_of("s.record", column, kind))
        for column, kind in table.columns
    ]
    return sql.SQL(DIFFERING + "{columns}").format(t=row, record=_rest_of(table), columns=sql.SQL("").join(columns))


def supply(table: Table) -> Parts:
    """What completes rows that realtime reported in part, from the snapshot's rows, in the columns of this table.

    Source: driver contract, section 8, point 7. What is awaited stands in `_partial` of the row.
    """
    keys = [name for name, _ in table.columns]
    record = (
        f"CASE WHEN t._partial = '{{{{NULL}}}}' THEN s.record || t.record ELSE (s.record - t._partial) || {_KEPT} END"
    )
    if keys:
        record = f"NULLIF((s.record - t._partial - {{keys}}::text[]) || {_KEPT}, '{{{{}}}}'::pg_catalog.jsonb)"
    assignments = [
        sql.SQL(", {name} = CASE WHEN {key} = ANY(t._partial) THEN t.{name} ELSE {value} END").format(
            name=sql.Identifier(name), key=sql.Literal(name), value=value_of("s.record", name, kind)
        )
        for name, kind in table.columns
    ]
    return {
        "record": sql.SQL(record).format(keys=sql.Literal(keys)),
        "assignments": sql.SQL("").join(assignments),
    }


def moved_parts(table: Table | None) -> Parts:
    """What depends on the columns of a typed table that rows move to; None: it has none, whose record stays whole."""
    if table is None:
        return dict.fromkeys(("columns", "values", "read"), sql.SQL(""))
    record = sql.SQL("CASE WHEN pg_catalog.jsonb_typeof(s.record) = 'object' THEN {} ELSE s.record END")
    parts = _parts(table, [], _WHOLE)
    return {
        "columns": parts["columns"],
        "values": parts["values"],
        "record": record.format(parts["record"]),
        "read": sql.SQL(_READ),
    }


def _parts(table: Table, assigned: list[str], joined: str) -> Parts:
    columns = table.columns
    return {
        "columns": sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name, _ in columns),
        "values": sql.SQL("").join(sql.SQL(", {}").format(value_of("s.record", name, kind)) for name, kind in columns),
        "record": _rest_of(table),
        "joined": sql.SQL(joined).format(told=sql.Literal(assigned)),
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
