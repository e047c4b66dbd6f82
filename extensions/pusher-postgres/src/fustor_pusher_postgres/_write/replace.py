# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql, values are parameters
"""The end of a snapshot, which replaces what was known: what no event of its session reported goes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from fustor_pusher_postgres._tables.long import KEY
from fustor_pusher_postgres._tables.state import clear_facts
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.guard import guarded
from fustor_pusher_postgres._write.rows import parent_of
from fustor_pusher_postgres._write.writer import Writer

__all__ = ["end_snapshot", "forget"]

_SEEN = "{t}._session IS NOT DISTINCT FROM %(session)s"
_NOTED = (
    "EXISTS (SELECT FROM {{f}} f WHERE f.task = %(task)s AND f.path = "
    + KEY.format(path="{t}.path")
    + " AND f.told IS NOT NULL)"
)
_DARK = (
    "EXISTS (SELECT FROM unnest(%(lows)s::text[], %(highs)s::text[]) AS dark (low, high)"
    " WHERE {t}.path > dark.low AND {t}.path < dark.high)"
)


def end_snapshot(writer: Writer, *, is_allowed: bool) -> int:
    """Delete what no event of this session reported, but nothing below a container that was not listed.

    A container above something kept stays, too. Returns how many rows stay because too many were to go.
    """
    state = writer.state
    if not state.snapshot_open:
        return 0
    writer.sure = None
    refused = guarded(writer, "The end of the snapshot", lambda: _delete_unreported(writer), is_allowed=is_allowed)
    state.close_snapshot()
    if state.audit_since is None:
        forget(writer)
    return refused


def forget(writer: Writer) -> None:
    """Forget what was told of paths that have no row."""
    if writer.state.has_facts:
        clear_facts(writer.cur, writer.schema, writer.state.number)
        writer.state.has_facts = False


def _delete_unreported(writer: Writer) -> int:
    """Delete things first, then the containers that have nothing left in them; each table is read by itself."""
    containers, dark = _found(writer)
    lows, highs = [path.rstrip("/") + "/" for path in dark], [path.rstrip("/") + "0" for path in dark]
    kept = f"{_reported(writer, 't')} OR {_DARK.format(t='t')}" if dark else _reported(writer, "t")
    gone = 0
    for table in writer.tables.all():
        writer.run(f"DELETE FROM {{t}} t WHERE NOT t.is_directory AND NOT ({kept})", table, lows=lows, highs=highs)
        gone += writer.cur.rowcount
    doomed = {path for paths in containers.values() for path in paths if path == "/" or not _is_below(path, dark)}
    doomed -= _holding(writer, sorted(doomed - {"/"}), kept, lows, highs)
    for table in writer.tables.all():
        paths = [path for path in containers.get(table.number, ()) if path in doomed]
        if paths:
            writer.run("DELETE FROM {t} WHERE path = ANY(%(paths)s)", table, paths=paths)
            gone += writer.cur.rowcount
    return gone


def _found(writer: Writer) -> tuple[dict[int, list[str]], set[str]]:
    """The containers that nothing reported, by the number of their table, and those that were not listed."""
    containers: dict[int, list[str]] = {}
    dark: set[str] = set()
    if writer.state.has_facts:
        dark.update(
            path for (path,) in writer.run("SELECT coalesce(long_path, path) FROM {f} WHERE task = %(task)s AND dark")
        )
    is_dark = f"{_SEEN.format(t='t')} AND t._dark IS TRUE"
    query = (
        f"SELECT t.path, {is_dark} FROM {{t}} t WHERE {is_dark} OR t.is_directory AND NOT ({_reported(writer, 't')})"
    )
    for table in writer.tables.all():
        for path, is_skipped in writer.run(query, table):
            if is_skipped:
                dark.add(path)
            else:
                containers.setdefault(table.number, []).append(path)
    return containers, dark


def _reported(writer: Writer, t: str) -> str:
    """The condition that an event of this session reported the row."""
    seen = _SEEN.format(t=t)
    return f"({seen} OR {_NOTED.format(t=t)})" if writer.state.has_facts else f"({seen})"


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
    return [*paths[start:end], *(path for path in _upward(table.root) if path in known)]


def _is_below(path: str, dark: set[str]) -> bool:
    return bool(dark) and any(above in dark for above in _upward(parent_of(path)))


def _upward(path: str) -> Iterable[str]:
    while path != "/":
        yield path
        path = parent_of(path)
    yield path
