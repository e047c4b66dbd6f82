# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql, values are parameters
"""The statements that write a run. `{t}` is a table of rows, `{f}` the table of facts.

Facts are what sessions and audits said of a path. They stand on its row or, where there is none, in the table of facts;
both count. `_at` and `_below` are marks: the clock when realtime last told of the path, and of all that is below it.
`_session` is the session that last reported it, `_told` the youngest `mtime` told in it (NULL: the row's), `_dark`
that its snapshot could not list it. `_partial` has the keys of the record that realtime has told in the session while
the snapshot's row, which has the others, is still to come; NULL: nothing is awaited. What an audit reports stands in a
table of its own, `{n}`, while it lasts.
"""

from __future__ import annotations

from fustor_pusher_postgres._tables.long import KEY, LONG_PATH

__all__ = [
    "ADDED_KEYS",
    "CLEAR",
    "CUT",
    "DELETE",
    "IMPLY",
    "KEPT",
    "MERGE_FACTS",
    "MOVE",
    "NOTE",
    "REPORT",
    "REPORT_REFUSED",
    "SUPPLY",
    "SUPPRESSED",
    "TOLD_KEYS",
    "TOMBSTONES",
    "TOUCHED",
    "UPSERT",
    "YOUNG",
]

COLUMNS = (
    "path, mtime, size, is_directory, parent_path, parent_mtime, is_atomic_write, audit_skipped, record, extra,"
    " message_source, event_index, _at, _below, _session, _told, _dark, _partial, _refused"
)

UPSERT = """
INSERT INTO {into} AS t (path, mtime, size, is_directory, parent_path, parent_mtime, is_atomic_write, audit_skipped,
    record, extra, message_source, event_index, _at, _below, _session, _told, _dark, _partial{columns}{digest})
SELECT s.path, s.mtime, s.size, s.is_directory, s.parent_path, s.parent_mtime, s.is_atomic_write, s.audit_skipped,
    {record}, s.extra, %(source)s, s.event_index, %(clock)s::bigint,
    CASE WHEN s.act = 3 OR NOT s.is_directory THEN %(clock)s::bigint END, %(session)s, NULLIF(s.told, s.mtime), s.dark,
    {partial}{values}{digest_value}
FROM pg_temp._fustor_stage s {known} WHERE s.run = %(run)s AND s.home = %(home)s AND s.act = ANY(%(acts)s) {only}
ON CONFLICT ({key}) DO UPDATE SET
    mtime = excluded.mtime, size = excluded.size, is_directory = excluded.is_directory,
    parent_path = excluded.parent_path, parent_mtime = excluded.parent_mtime,
    is_atomic_write = excluded.is_atomic_write, audit_skipped = excluded.audit_skipped,
    record = {joined}, extra = excluded.extra,
    message_source = excluded.message_source, event_index = excluded.event_index,
    _at = coalesce(excluded._at, t._at), _below = greatest(excluded._below, t._below), _session = excluded._session,
    _told = NULLIF(greatest(coalesce(excluded._told, excluded.mtime),
        CASE WHEN t._session = excluded._session THEN coalesce(t._told, t.mtime) END), excluded.mtime),
    _dark = coalesce(excluded._dark, CASE WHEN t._session = excluded._session THEN t._dark END),
    _partial = {joined_partial}, _refused = {refused}{assignments}
WHERE (NOT t.is_directory OR excluded.is_directory) {guard}
"""

TOLD_KEYS = "ARRAY(SELECT pg_catalog.jsonb_object_keys(s.record))"
ADDED_KEYS = """CASE WHEN t._session IS DISTINCT FROM excluded._session THEN excluded._partial
        WHEN t._partial IS NULL THEN NULL WHEN t._partial @> excluded._partial THEN t._partial
        ELSE t._partial || excluded._partial END"""

SUPPLY = """
UPDATE {t} t SET record = {record}, _partial = NULL{assignments}
FROM pg_temp._fustor_stage s
WHERE s.run = %(run)s AND s.home = %(home)s AND s.act = ANY(%(acts)s) AND t.path = s.path
    AND t._session = %(session)s AND t._partial IS NOT NULL AND t._at > %(limit)s
    AND pg_catalog.jsonb_typeof(s.record) = 'object'
"""

UNMARKED = "AND (t._at IS NULL OR t._at <= %(limit)s)"
YOUNG = (
    UNMARKED + " AND (t._session IS DISTINCT FROM %(session)s OR coalesce(t._told, t.mtime, '-Infinity') < {s}.mtime)"
)

CONFLICTS = """
SELECT s.path FROM pg_temp._fustor_stage s JOIN {t} t USING (path)
WHERE s.run = %(run)s AND s.home = %(home)s AND s.act = ANY(%(acts)s) AND t.is_directory AND NOT s.is_directory {guard}
"""

SUPPRESSED = """
SELECT s.path FROM pg_temp._fustor_stage s LEFT JOIN {t} t USING (path)
WHERE s.run = %(run)s AND s.home = %(home)s AND s.act = ANY(%(acts)s) AND (t.path IS NULL
    OR pg_catalog.age(t.xmin) > 0 AND (NOT t.is_directory OR s.is_directory) {guard}) LIMIT 1
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

_ON_CONFLICT = """
ON CONFLICT (task, path) DO UPDATE SET
    at = greatest(f.at, excluded.at), below = greatest(f.below, excluded.below),
    told = greatest(f.told, excluded.told), dark = coalesce(excluded.dark, f.dark)
"""

_FACT = f"{KEY.format(path='path')}, {LONG_PATH.format(path='path')}"

_KEPT_FACTS = (
    """
kept AS (
    INSERT INTO {f} AS f (task, path, long_path, told, dark)
    SELECT %(task)s, """
    + _FACT
    + """, coalesce(_told, mtime), _dark FROM gone WHERE %(keep)s AND _session = %(session)s
    """
    + _ON_CONFLICT
    + ")"
)

DELETE = (
    """
WITH gone AS (
    DELETE FROM {t} t USING pg_temp._fustor_stage s
    WHERE s.run = %(run)s AND s.act IN (0, 3) AND t.path = s.path
    RETURNING t.path, t.is_directory, t.mtime, t._session, t._told, t._dark
), """
    + _KEPT_FACTS
    + " SELECT pg_catalog.count(*), pg_catalog.array_agg(path) FILTER (WHERE is_directory) FROM gone"
)

CUT = (
    """
WITH gone AS (
    DELETE FROM {t} t USING unnest(%(lows)s::text[], %(highs)s::text[]) AS range (low, high)
    WHERE t.path > range.low AND t.path < range.high
    RETURNING t.path, t.mtime, t._session, t._told, t._dark
), """
    + _KEPT_FACTS
    + " SELECT pg_catalog.count(*) FROM gone"
)

KEPT = """
SELECT (SELECT pg_catalog.count(*) FROM {t} t JOIN pg_temp._fustor_stage s ON t.path = s.path
    WHERE s.run = %(run)s AND s.act = 0) + (SELECT pg_catalog.count(*) FROM {t} t
    JOIN unnest(%(lows)s::text[], %(highs)s::text[]) AS range (low, high)
    ON t.path > range.low AND t.path < range.high)
"""

TOMBSTONES = (
    """
INSERT INTO {f} AS f (task, path, long_path, at, below, told)
SELECT %(task)s, """
    + _FACT
    + """, %(clock)s::bigint, %(clock)s::bigint, told
FROM pg_temp._fustor_stage WHERE run = %(run)s AND act IN (0, 3)
"""
    + _ON_CONFLICT
)

NOTE = (
    """
INSERT INTO {f} AS f (task, path, long_path, told, dark)
SELECT %(task)s, """
    + _FACT
    + """, told, dark
FROM unnest(%(paths)s::text[], %(tolds)s::float8[], %(darks)s::boolean[]) AS noted (path, told, dark)
"""
    + _ON_CONFLICT
)

REPORT = """
INSERT INTO {n} (audit, home, path, seen)
SELECT %(audit)s, home, path, seen FROM pg_temp._fustor_stage WHERE run = %(run)s
"""

REPORT_REFUSED = "INSERT INTO {n} (audit, home, path, seen) VALUES (%(audit)s, 0, %(path)s, %(seen)s)"

_MOVED = COLUMNS.replace(" record,", " {record},")
MOVE = (
    "WITH moved AS (DELETE FROM {y} t USING pg_temp._fustor_stage s"
    " WHERE s.run = %(run)s AND s.home = %(home)s AND t.path = s.path{only} RETURNING t.*)"
    f" INSERT INTO {{into}} ({COLUMNS}{{digest}}) SELECT {_MOVED}{{digest_value}} FROM moved"
)

TOUCHED = """
SELECT EXISTS (SELECT FROM {t} t
    WHERE (t.path = %(path)s OR t.path > %(low)s AND t.path < %(high)s) AND t._at > %(limit)s)
"""

CLEAR = """
UPDATE {t} SET is_directory = true, _told = CASE WHEN _session = %(session)s THEN coalesce(_told, mtime) END,
    mtime = NULL, size = NULL, parent_path = NULL, parent_mtime = NULL, is_atomic_write = NULL, audit_skipped = NULL,
    record = NULL, extra = NULL, message_source = %(source)s, _partial = NULL, _refused = NULL{cleared}
WHERE path = ANY(%(paths)s) RETURNING path
"""

IMPLY = """
INSERT INTO {into} (path, is_directory, message_source, event_index{digest})
SELECT path, true, %(source)s, -1{digest_value} FROM pg_catalog.unnest(%(paths)s::text[]) AS implied (path)
WHERE true{only} ON CONFLICT ({key}) DO NOTHING
"""
