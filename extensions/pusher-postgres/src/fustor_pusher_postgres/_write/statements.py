# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql, values are parameters
"""The statements that write a run. `{t}` is a table of rows, `{f}` the table of facts, `{n}` what an audit reports.

Facts are what sessions said of a path. They stand on its row (the columns that begin with `_`) or, where there is none,
in the table of facts; both count. What an audit reports stands in a table of its own, while it lasts.
"""

from __future__ import annotations

from fustor_pusher_postgres._tables.columns import COLUMNS, Act
from fustor_pusher_postgres._tables.paths import KEY, LONG_PATH

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
        WHEN t._partial IS NULL THEN NULL WHEN t._partial @> excluded._partial THEN t._partial
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
_MOVED = ", ".join("{record}" if column.name == "record" else column.name for column in COLUMNS)
MOVE = f"""
WITH moved AS (DELETE FROM {{y}} t USING pg_temp._fustor_stage s
    WHERE s.run = %(run)s AND s.home = %(home)s AND t.path = s.path{{only}} RETURNING t.*)
INSERT INTO {{into}} ({", ".join(column.name for column in COLUMNS)}{{digest}})
SELECT {_MOVED}{{digest_value}} FROM moved
"""

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
