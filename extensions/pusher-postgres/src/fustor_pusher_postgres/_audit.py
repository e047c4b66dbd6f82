# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql, values are parameters
"""An audit's two ends: what it corrects is written as its rows come, what it missed goes at its end."""

from __future__ import annotations

from fustor_pusher_postgres._guard import guarded
from fustor_pusher_postgres._replace import forget
from fustor_pusher_postgres._rows import LISTED, SKIPPED
from fustor_pusher_postgres._tables import Table
from fustor_pusher_postgres._write import Writer

__all__ = ["end_audit", "start_audit"]

_PARENT = (
    "CASE WHEN pg_catalog.strpos(pg_catalog.substr(t.path, 2), '/') = 0 THEN '/'"
    " ELSE pg_catalog.regexp_replace(t.path, '/[^/]*$', '') END"
)


def start_audit(writer: Writer) -> None:
    """Begin an audit; an unfinished one is discarded."""
    writer.state.start_audit()
    if not writer.state.snapshot_open:
        forget(writer)


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
    if not state.snapshot_open:
        forget(writer)
    return refused


def _delete_missed(writer: Writer, since: int) -> int:
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
    listed = _listed(writer)
    query = (
        f"SELECT t.path, t.is_directory FROM {{t}} t WHERE t._audit IS DISTINCT FROM %(audit)s AND t.path <> '/'"
        f" AND (t._at IS NULL OR t._at <= %(since)s) AND {_PARENT} = ANY(%(listed)s)"
        f" AND NOT EXISTS (SELECT FROM {{f}} f WHERE f.task = %(task)s AND f.path = t.path AND f.audit = %(audit)s)"
    )
    if not listed:
        return []
    return [(table, writer.run(query, table, listed=listed, since=since)) for table in writer.tables.all()]


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
