# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql, values are parameters
"""The two ends that delete: of a snapshot, which replaces what was known, and of an audit."""

from __future__ import annotations

from fustor_pusher_postgres._rows import LISTED, SKIPPED
from fustor_pusher_postgres._schema import qualified
from fustor_pusher_postgres._state import clear_facts
from fustor_pusher_postgres._write import Writer

__all__ = ["end_audit", "end_snapshot", "start_audit"]

_REPORTED = """
({t}._session IS NOT DISTINCT FROM %(session)s
    OR EXISTS (SELECT FROM {{f}} f WHERE f.task = %(task)s AND f.path = {t}.path AND f.told IS NOT NULL))
"""
_DARK = """
EXISTS (SELECT FROM unnest(%(lows)s::text[], %(highs)s::text[]) AS dark (low, high)
    WHERE {t}.path > dark.low AND {t}.path < dark.high)
"""
_KEPT = f"({_REPORTED} OR {_DARK})"
_PARENT = "CASE WHEN strpos(substr(t.path, 2), '/') = 0 THEN '/' ELSE regexp_replace(t.path, '/[^/]*$', '') END"


def end_snapshot(writer: Writer) -> None:
    """Delete what no event of this session reported, but nothing below a container that was not listed.

    A container above something kept stays, too.
    """
    state = writer.state
    if not state.snapshot_open:
        return
    writer.sure = None
    dark = [path for (path,) in writer.run("SELECT path FROM {f} WHERE task = %(task)s AND dark")]
    for table in writer.tables.all():
        dark += [path for (path,) in writer.run("SELECT path FROM {t} WHERE _session = %(session)s AND _dark", table)]
    lows, highs = [path.rstrip("/") + "/" for path in dark], [path.rstrip("/") + "0" for path in dark]
    below = " OR ".join(
        f"EXISTS (SELECT FROM {_name(writer, table.name)} d WHERE d.path > t.path || '/' AND d.path < t.path || '0'"
        f" AND {_KEPT.format(t='d')})"
        for table in writer.tables.all()
    )
    delete = (
        f"DELETE FROM {{t}} t WHERE NOT {_REPORTED.format(t='t')}"
        f" AND (t.path = '/' OR NOT {_DARK.format(t='t')} AND NOT (t.is_directory AND ({below})))"
    )
    for table in writer.tables.all():
        writer.run(delete, table, lows=lows, highs=highs)
    state.close_snapshot()
    if state.audit_since is None:
        _forget(writer)


def start_audit(writer: Writer) -> None:
    """Begin an audit; an unfinished one is discarded."""
    writer.state.start_audit()
    if not writer.state.snapshot_open:
        _forget(writer)


def end_audit(writer: Writer) -> None:
    """Delete the children of listed containers that the audit missed and realtime has not written since it began."""
    state = writer.state
    since = state.audit_since
    if since is None:
        return
    writer.sure = None
    listed = _listed(writer)
    gone: dict[str, bool] = {}
    query = (
        f"SELECT t.path, t.is_directory FROM {{t}} t WHERE t._audit IS DISTINCT FROM %(audit)s AND t.path <> '/'"
        f" AND (t._at IS NULL OR t._at <= %(since)s) AND {_PARENT} = ANY(%(listed)s)"
        f" AND NOT EXISTS (SELECT FROM {{f}} f WHERE f.task = %(task)s AND f.path = t.path AND f.audit = %(audit)s)"
    )
    for table in writer.tables.all():
        gone.update(writer.run(query, table, listed=listed, since=since))
    paths = [path for path, is_container in gone.items() if not (is_container and writer.is_touched(path, since))]
    if paths:
        for table in writer.tables.all():
            writer.run("DELETE FROM {t} WHERE path = ANY(%(paths)s)", table, paths=paths)
        writer.cut_below([path for path in paths if gone[path]])
    state.end_audit()
    if not state.snapshot_open:
        _forget(writer)


def _listed(writer: Writer) -> list[str]:
    """The containers that this audit listed, in every row of them that it sent."""
    seen: dict[str, int] = {}
    found = writer.run("SELECT path, seen FROM {f} WHERE task = %(task)s AND audit = %(audit)s")
    for table in writer.tables.all():
        found += writer.run(
            "SELECT path, _seen FROM {t} WHERE _audit = %(audit)s AND _seen & %(bits)s <> 0",
            table,
            bits=LISTED | SKIPPED,
        )
    for path, bits in found:
        seen[path] = seen.get(path, 0) | bits
    return [path for path, bits in seen.items() if bits & LISTED and not bits & SKIPPED]


def _forget(writer: Writer) -> None:
    if writer.state.has_facts:
        clear_facts(writer.cur, writer.schema, writer.state.number)
        writer.state.has_facts = False


def _name(writer: Writer, name: str) -> str:
    text = qualified(writer.schema, name).as_string(writer.cur)
    return text.replace("{", "{{").replace("}", "}}")
