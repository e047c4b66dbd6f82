# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql, values are parameters
"""An audit's two ends: what it corrects is written as its rows come, what it missed goes at its end."""

from __future__ import annotations

import logging

from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.guard import guarded
from fustor_pusher_postgres._write.replace import forget
from fustor_pusher_postgres._write.rows import LISTED, SKIPPED
from fustor_pusher_postgres._write.writer import Writer

__all__ = ["end_audit", "start_audit"]

_log = logging.getLogger(__package__)
_FEW = 10_000
_BEGIN = "INSERT INTO {n} (audit, home, path, seen) VALUES (%(audit)s, -1, NULL, 0)"
"""Its first row: a crash of the server empties the table, so that while this row is there, all are."""
_PARENT = (
    "CASE WHEN pg_catalog.strpos(pg_catalog.substr(t.path, 2), '/') = 0 THEN '/'"
    " ELSE pg_catalog.regexp_replace(t.path, '/[^/]*$', '') END"
)
_LISTED = """
SELECT path FROM {n} WHERE audit = %(audit)s AND path IS NOT NULL GROUP BY path
HAVING pg_catalog.bit_or(seen) & %(listed)s <> 0 AND pg_catalog.bit_or(seen) & %(skipped)s = 0
"""
_MISSED = f"""
SELECT t.path, t.is_directory FROM {{t}} t WHERE t.path <> '/' AND (t._at IS NULL OR t._at <= %(since)s)
    AND {_PARENT} = ANY(%(listed)s) AND NOT EXISTS (
        SELECT FROM {{n}} n WHERE n.audit = %(audit)s AND n.home IN (0, %(home)s) AND n.path = t.path)
"""
_BY_HASH = "SELECT pg_catalog.set_config('enable_nestloop', %(switch)s, true)"
"""What an audit reported has no statistics: the server expects a row or two, and would compare each with all."""


def start_audit(writer: Writer) -> None:
    """Begin an audit; an unfinished one is discarded."""
    writer.state.start_audit()
    if not writer.state.snapshot_open:
        forget(writer)
    _clear(writer)
    writer.run(_BEGIN)


def end_audit(writer: Writer, *, is_allowed: bool) -> int:
    """Delete the children of listed containers that the audit missed and realtime has not written since it began.

    Returns how many rows stay because too many were to go.
    """
    state = writer.state
    since = state.audit_since
    if since is None:
        return 0
    writer.sure = None
    refused = guarded(writer, "The end of the audit", lambda: _delete_missed(writer, since), is_allowed=is_allowed)
    state.end_audit()
    _clear(writer)
    if not state.snapshot_open:
        forget(writer)
    return refused


def _clear(writer: Writer) -> None:
    """Forget what was reported: row by row, which writes no log, where that is not too slow."""
    ((count,),) = writer.run("SELECT pg_catalog.count(*) FROM (SELECT FROM {n} LIMIT %(most)s) AS few", most=_FEW)
    writer.run("DELETE FROM {n}" if count < _FEW else "TRUNCATE {n}")


def _delete_missed(writer: Writer, since: int) -> int:
    if not writer.run("SELECT 1 FROM {n} WHERE audit = %(audit)s AND home = -1"):
        _log.warning(
            "What the audit of task %r reported is gone, as after a crash of the server; it deletes nothing, the next"
            " audit does",
            writer.state.task,
        )
        return 0
    gone, containers = 0, []
    for table, missed in _missed(writer, since):
        paths = [path for path, is_container in missed if not (is_container and writer.is_touched(path, since))]
        if paths:
            writer.run("DELETE FROM {t} WHERE path = ANY(%(paths)s)", table, paths=paths)
            gone += writer.cur.rowcount
            containers += [path for path, is_container in missed if is_container and path in {*paths}]
    return gone + (writer.cut_below(containers) if containers else 0)


def _missed(writer: Writer, since: int) -> list[tuple[Table, list[tuple[str, bool]]]]:
    """The children of listed containers that the audit missed, with whether they are containers."""
    listed = [path for (path,) in writer.run(_LISTED, listed=LISTED, skipped=SKIPPED)]
    if not listed:
        return []
    values = {"listed": listed, "since": since}
    writer.run(_BY_HASH, switch="off")
    missed = [(table, writer.run(_MISSED, table, home=table.number, **values)) for table in writer.tables.all()]
    writer.run(_BY_HASH, switch="on")
    return missed
