# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql, values are parameters
"""The ends of listings: what a snapshot or an audit did not report goes, unless that is too much at once."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from fustor_event_model import MessageSource
from fustor_pusher_postgres._tables.paths import KEY, bounds_below, containers_of
from fustor_pusher_postgres._tables.state import clear_facts
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.rows import LISTED, SKIPPED
from fustor_pusher_postgres._write.writer import Savepoint, Writer

_log = logging.getLogger(__package__)
_SEEN = "t._session IS NOT DISTINCT FROM %(session)s"
_NOTED = f"""
EXISTS (SELECT FROM {{f}} f WHERE f.task = %(task)s AND f.path = {KEY.format(path="t.path")} AND f.told IS NOT NULL)
"""
_DARK = (
    "EXISTS (SELECT FROM unnest(%(lows)s::text[], %(highs)s::text[]) AS dark (low, high)"
    " WHERE t.path > dark.low AND t.path < dark.high)"
)
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
"""Of one table. A note says which table its path was written to, and that path may be in another one by now."""
_REPORTED = """
SELECT DISTINCT n.path FROM {n} n JOIN pg_catalog.unnest(%(paths)s::text[]) AS missed (path) USING (path)
WHERE n.audit = %(audit)s
"""
_BY_HASH = "SELECT pg_catalog.set_config('enable_nestloop', %(switch)s, true)"
"""What an audit reported has no statistics: the server expects a row or two, and would compare each with all."""


def end_snapshot(writer: Writer, *, is_allowed: bool) -> int:
    """Delete what no event of this session reported, but nothing below a container that was not listed.

    A container above something kept stays, too. Returns how many rows stay because too many were to go.
    """
    state = writer.state
    if not state.snapshot_open:
        return 0
    writer.begin_run(MessageSource.SNAPSHOT)
    refused = _guarded(writer, "The end of the snapshot", _delete_unreported, is_allowed=is_allowed)
    state.close_snapshot()
    if state.audit_since is None:
        _forget(writer)
    return refused


def start_audit(writer: Writer) -> None:
    """Begin an audit; an unfinished one is discarded."""
    writer.state.start_audit()
    if not writer.state.snapshot_open:
        _forget(writer)
    _clear(writer)
    writer.run(_BEGIN)


def end_audit(writer: Writer, *, is_allowed: bool) -> int:
    """Delete the children of listed containers that the audit missed and realtime has not written since it began.

    Returns how many rows stay because too many were to go.
    """
    state = writer.state
    if state.audit_since is None:
        return 0
    writer.begin_run(MessageSource.AUDIT)
    refused = _guarded(writer, "The end of the audit", _delete_missed, is_allowed=is_allowed)
    state.end_audit()
    _clear(writer)
    if not state.snapshot_open:
        _forget(writer)
    return refused


def _guarded(writer: Writer, what: str, delete: Callable[[Writer], int], *, is_allowed: bool) -> int:
    """Delete, unless that would take too much; return how many rows were to go and stay.

    Source: driver contract, section 8, point 9.

    Args:
        writer: Of the push that asks.
        what: The end that deletes, for the log.
        delete: Deletes, and returns how many rows went.
        is_allowed: Whether the user gave leave for whatever goes.
    """
    savepoint = Savepoint(writer)
    gone = delete(writer)
    share = writer.params.max_delete_share
    if not is_allowed and gone > writer.params.max_delete_rows:
        # exact where that is too few; beyond it nobody has to count
        held = _held(writer, int(gone / share) + 1 if share else None) + gone
        if gone > share * held:
            savepoint.go_back()
            _log.warning(
                "%s would have deleted %d of the %d rows of task %r, more than `max_delete_share` allows; nothing was"
                " deleted, and `fustor-driver run --allow-deletions` allows it for one run",
                what,
                gone,
                held,
                writer.state.task,
            )
            return gone
    savepoint.release()
    return 0


def _held(writer: Writer, limit: int | None) -> int:
    """How many rows the task has; not much more than the limit are counted."""
    held = 0
    for table in writer.tables.all():
        if limit is not None and held > limit:
            break
        query = "SELECT pg_catalog.count(*) FROM (SELECT FROM {t} LIMIT %(most)s) AS counted"
        ((count,),) = writer.run(query, table, most=limit)
        held += count
    return held


def _forget(writer: Writer) -> None:
    """Forget what was said of paths that have no row."""
    if writer.state.has_facts:
        clear_facts(writer.cur, writer.schema, writer.state.number)
        writer.state.has_facts = False


def _delete_paths(writer: Writer, table: Table, paths: Sequence[str]) -> int:
    writer.run("DELETE FROM {t} WHERE path = ANY(%(paths)s)", table, paths=paths)
    return writer.cur.rowcount


def _delete_unreported(writer: Writer) -> int:
    """Delete things first, then the containers that have nothing left in them; each table is read by itself."""
    containers, dark = _unreported(writer)
    lows, highs = bounds_below(dark)
    kept = f"{_reported(writer)} OR {_DARK}" if dark else _reported(writer)
    gone = 0
    for table in writer.tables.all():
        writer.run(f"DELETE FROM {{t}} t WHERE NOT t.is_directory AND NOT ({kept})", table, lows=lows, highs=highs)
        gone += writer.cur.rowcount
    found = chain.from_iterable(containers.values())
    doomed = {path for path in found if path == "/" or dark.isdisjoint(containers_of(path))}
    doomed -= _holding(writer, sorted(doomed - {"/"}), kept, lows, highs)
    for table in writer.tables.all():
        paths = [path for path in containers.get(table.number, ()) if path in doomed]
        if paths:
            gone += _delete_paths(writer, table, paths)
    return gone


def _unreported(writer: Writer) -> tuple[dict[int, list[str]], set[str]]:
    """The containers that nothing reported, by the number of their table, and those that were not listed."""
    containers: dict[int, list[str]] = {}
    dark: set[str] = set()
    if writer.state.has_facts:
        dark.update(
            path for (path,) in writer.run("SELECT coalesce(long_path, path) FROM {f} WHERE task = %(task)s AND dark")
        )
    is_dark = f"{_SEEN} AND t._dark IS TRUE"
    query = f"SELECT t.path, {is_dark} FROM {{t}} t WHERE {is_dark} OR t.is_directory AND NOT ({_reported(writer)})"
    for table in writer.tables.all():
        for path, is_skipped in writer.run(query, table):
            if is_skipped:
                dark.add(path)
            else:
                containers.setdefault(table.number, []).append(path)
    return containers, dark


def _reported(writer: Writer) -> str:
    """The condition that an event of this session reported the row `t`."""
    return f"({_SEEN} OR {_NOTED})" if writer.state.has_facts else f"({_SEEN})"


def _holding(writer: Writer, paths: Sequence[str], kept: str, lows: list[str], highs: list[str]) -> set[str]:
    """Which of these containers, in order, have something below them that stays."""
    holding: set[str] = set()
    known = frozenset(paths)
    query = (
        "SELECT above.path FROM pg_catalog.unnest(%(paths)s::text[]) AS above (path) WHERE EXISTS ("
        "SELECT FROM {t} t WHERE t.path > above.path || '/' AND t.path < above.path || '0'"
        f" AND (NOT t.is_directory OR {kept}))"
    )
    for table in writer.tables.all():
        asked = [path for path in _around(table, paths, known) if path not in holding]
        if asked:
            holding.update(path for (path,) in writer.run(query, table, paths=asked, lows=lows, highs=highs))
    return holding


def _around(table: Table, paths: Sequence[str], known: frozenset[str]) -> Iterable[str]:
    """Those of these paths, in order, that have something of a table below them, or lie in it."""
    if table.root == "/":
        return paths
    start, end = bisect_left(paths, table.root + "/"), bisect_left(paths, table.root + "0")
    return [*paths[start:end], *(path for path in (table.root, *containers_of(table.root)) if path in known)]


def _clear(writer: Writer) -> None:
    """Forget what was reported: row by row, which writes no log, where that is not too slow."""
    ((count,),) = writer.run("SELECT pg_catalog.count(*) FROM (SELECT FROM {n} LIMIT %(most)s) AS few", most=_FEW)
    writer.run("DELETE FROM {n}" if count < _FEW else "TRUNCATE {n}")


def _delete_missed(writer: Writer) -> int:
    since = writer.state.audit_since or 0
    if not writer.run("SELECT 1 FROM {n} WHERE audit = %(audit)s AND home = -1"):
        _log.warning(
            "What the audit of task %r reported is gone, as after a crash of the server; it deletes nothing, the next"
            " audit does",
            writer.state.task,
        )
        return 0
    gone, containers = 0, []
    for table, missed in _missed(writer, since):
        going = [row for row in missed if not (row[1] and writer.is_touched(row[0], since))]
        if going:
            gone += _delete_paths(writer, table, [path for path, _ in going])
            containers += [path for path, is_container in going if is_container]
    return gone + (writer.cut_below(containers) if containers else 0)


def _missed(writer: Writer, since: int) -> list[tuple[Table, list[tuple[str, bool]]]]:
    """The children of listed containers that the audit missed, with whether they are containers."""
    listed = [path for (path,) in writer.run(_LISTED, listed=LISTED, skipped=SKIPPED)]
    if not listed:
        return []
    values = {"listed": listed, "since": since}
    writer.run(_BY_HASH, switch="off")
    missed = [(table, writer.run(_MISSED, table, home=table.number, **values)) for table in writer.tables.all()]
    # what came to another table after its report was missed there: asked once, for all tables
    paths = [path for _, found in missed for path, _ in found]
    reported = {path for (path,) in writer.run(_REPORTED, paths=paths)} if paths else frozenset[str]()
    writer.run(_BY_HASH, switch="on")
    return [(table, [row for row in found if row[0] not in reported]) for table, found in missed]
