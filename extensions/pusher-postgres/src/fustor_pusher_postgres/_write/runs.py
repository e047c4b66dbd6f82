"""Writing a run: who wins over what is there, then deletions, rows and the containers above."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from psycopg2 import sql

from fustor_event_model import MessageSource
from fustor_pusher_postgres._tables.columns import Act
from fustor_pusher_postgres._tables.paths import Key, bounds_below, containers_of, fact_key
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write import statements
from fustor_pusher_postgres._write.moves import move
from fustor_pusher_postgres._write.rows import Entry, Run
from fustor_pusher_postgres._write.stage import copy_entries
from fustor_pusher_postgres._write.statements import Variant, differing, supply, texts_of, variants_of
from fustor_pusher_postgres._write.writer import Suppressed, Writer

_GONE = (Act.DELETE, Act.REPLACE)


def write_run(writer: Writer, run: Run) -> None:
    """Write what a run says, by the driver contract, section 8."""
    state, source = writer.state, run.source
    number = writer.begin_run(source)
    names = _with_containers(run.entries)
    if source is not MessageSource.REALTIME and (state.has_marks or state.has_facts):
        _overrule(writer, run, names)
    writer.note([entry for entry in run.entries.values() if entry.act == Act.NOTE], source)
    groups = _by_key(run.puts())
    homes = {key: _home(writer, key, group) for key, group in groups.items()}
    is_audit = source is MessageSource.AUDIT
    staged = [entry for entry in run.entries.values() if is_audit or entry.act != Act.NOTE]
    if staged:
        copy_entries(writer.cur, number, [(homes[e.key].number if e.is_put else 0, e) for e in staged])
    if is_audit:
        writer.run(statements.REPORT)
    if any(entry.act in _GONE for entry in staged):
        _delete(writer, run, names)
    for key, group in groups.items():
        paths = [entry.path for entry in group]
        patches = ((entry.path, entry.record) for entry in group if entry.act == Act.PATCH)
        acts = {entry.act for entry in group}
        put(writer, homes[key], paths, acts, patches, source=source, names=names)
    writer.complete(run.above, source)


def put(
    writer: Writer,
    table: Table,
    paths: Sequence[str],
    acts: Collection[int],
    patches: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    source: MessageSource,
    names: Collection[str],
) -> None:
    """Write staged rows of one table, whatever is known of them.

    Args:
        writer: Where to.
        table: Their home.
        paths: Theirs.
        acts: What is asked of them.
        patches: Path and record of those that keep the columns that they lack.
        source: Theirs.
        names: The paths of the run, and all that is above them.
    """
    table = move(writer, table, paths, names)
    variants = variants_of(table, acts, patches)
    written = _upsert(writer, table, variants, source)
    if written < len(paths):
        written += _settle(writer, table, variants, source)
    if source is MessageSource.REALTIME and written < len(paths):
        raise Suppressed.row(table)


def _home(writer: Writer, key: Key, group: list[Entry]) -> Table:
    table = writer.home(key, [entry.path for entry in group])
    if not table.is_typed:
        return table
    table = writer.tables.widen(table, [entry.record for entry in group])
    forms = table.forms()
    for entry in group:
        entry.record = texts_of(entry.record, forms)
    return table


def _overrule(writer: Writer, run: Run, names: set[str]) -> None:
    """Turn entries that realtime has overruled into notes."""
    limit = writer.limit(run.source)
    facts: dict[str, tuple[int | None, int | None, float | None]] = {}
    if writer.state.has_facts:
        query = (
            "SELECT coalesce(long_path, path), at, below, told FROM {f} WHERE task = %(task)s AND path = ANY(%(paths)s)"
        )
        keys = [fact_key(path) for path in names]
        facts = {path: (at, below, told) for path, at, below, told in writer.run(query, paths=keys)}
    closed = {path for path, (_, below, _) in facts.items() if (below or 0) > limit}
    above = list(run.above)
    for table in writer.tables.holding(names):
        query = "SELECT path FROM {t} WHERE path = ANY(%(paths)s) AND _below > %(limit)s"
        closed.update(path for (path,) in writer.run(query, table, paths=above, limit=limit))
    is_snapshot = run.source is MessageSource.SNAPSHOT
    for entry in run.puts():
        at, _, told = facts.get(entry.path, (None, None, None))
        is_old = is_snapshot and told is not None and told >= entry.mtime
        if (at or 0) > limit or is_old or (closed and not closed.isdisjoint(containers_of(entry.path))):
            entry.act = Act.NOTE
    run.above = {container: run.above[container] for entry in run.puts() for container in containers_of(entry.path)}


def _delete(writer: Writer, run: Run, names: set[str]) -> None:
    keep = writer.state.snapshot_open
    # the root is above everything, whether it has a row or not
    awaited = {path for path, entry in run.entries.items() if entry.act in _GONE}
    containers, gone = {"/"} & awaited, 0
    for table in writer.tables.holding(names):
        ((count, found),) = writer.run(statements.DELETE, table, keep=keep)
        containers.update(found or ())
        gone += count
    if containers:
        writer.cut_below(containers)
    if run.source is MessageSource.REALTIME and (containers or gone < len(awaited)):
        _expect_gone(writer, names, containers)
    if writer.state.needs_facts:
        writer.run(statements.TOMBSTONES)
        writer.state.has_facts = True


def _expect_gone(writer: Writer, names: set[str], containers: Collection[str]) -> None:
    """Make sure that nothing has kept a row that was to go, nor what was below a container.

    Raises:
        Suppressed: a trigger or a rule of the user's has.
    """
    lows, highs = bounds_below(containers)
    tables = {table.number: table for table in writer.tables.holding(names)}
    tables |= {table.number: table for path in containers for table in writer.tables.overlapping(path)}
    for table in tables.values():
        if writer.run(statements.KEPT, table, lows=lows, highs=highs) != [(0,)]:
            raise Suppressed(f"A trigger of table {table.name!r} keeps a row that was to go; let it return OLD")


def _upsert(
    writer: Writer, table: Table, variants: Sequence[Variant], source: MessageSource, only: list[str] | None = None
) -> int:
    """Write rows that nothing forbids; return how many were written."""
    guard = sql.SQL(_guard(source).format(s="excluded"))
    known: sql.Composable = sql.SQL("")
    differs: sql.Composable = sql.SQL("")
    if _writes_differences(writer, source):
        known = sql.SQL("LEFT JOIN {} k ON k.path = s.path").format(table.relation)
        differs = sql.SQL(" AND (k.path IS NULL OR {})").format(differing(table, "k"))
    written = 0
    for place, variant in product(table.places, variants):
        paths = variant.paths if only is None else only
        awaits = source is MessageSource.REALTIME and writer.state.snapshot_open and variant.acts == [Act.PATCH]
        parts = place.parts("s.path", "s.path")
        chosen = sql.SQL("" if paths is None else " AND s.path = ANY(%(paths)s)")
        query = sql.SQL(statements.UPSERT).format(
            **variant.parts,
            **parts | {"only": parts["only"] + chosen + differs},
            guard=guard,
            partial=sql.SQL(statements.TOLD_KEYS if awaits else "NULL::text[]"),
            # what it leaves out may be what was refused
            refused=sql.SQL("t._refused" if variant.acts == [Act.PATCH] else "NULL"),
            joined_partial=sql.SQL(statements.ADDED_KEYS if awaits else "NULL"),
            known=known,
        )
        writer.execute(query, source=source, home=table.number, acts=variant.acts, paths=paths)
        written += writer.cur.rowcount
    return written


def _writes_differences(writer: Writer, source: MessageSource) -> bool:
    """Whether rows that change nothing are left alone: they would leave nothing but a note that they were reported."""
    return source is MessageSource.AUDIT and not writer.state.snapshot_open


def _guard(source: MessageSource) -> str:
    """The condition under which a row of this source wins over the one that is there."""
    if source is MessageSource.REALTIME:
        return ""
    return statements.YOUNG if source is MessageSource.SNAPSHOT else statements.UNMARKED


def _settle(writer: Writer, table: Table, variants: Sequence[Variant], source: MessageSource) -> int:
    """Write what is not a container over a container, unless realtime touched that; note what is not written.

    Returns how many rows were written.

    Raises:
        Suppressed: something else than arbitration has kept a row out.
    """
    written = 0
    limit = writer.limit(source)
    query = statements.CONFLICTS.replace("{guard}", _guard(source).replace("{s}", "s"))
    arguments: dict[str, Any] = {"source": source, "home": table.number, "acts": [Act.PUT, Act.PATCH, Act.REPLACE]}
    conflicts = [path for (path,) in writer.run(query, table, **arguments)]
    free = [path for path in conflicts if source is MessageSource.REALTIME or not writer.is_touched(path, limit)]
    if free:
        writer.cut_below(free)
        writer.run("UPDATE {t} SET is_directory = false WHERE path = ANY(%(paths)s)", table, paths=free)
        written = _upsert(writer, table, variants, source, free)
    _expect_none(writer, table, source, arguments)
    if source is MessageSource.SNAPSHOT:
        writer.execute(sql.SQL(statements.SUPPLY).format(t=table.relation, **supply(table)), **arguments)
    if source is not MessageSource.REALTIME and writer.state.snapshot_open:
        writer.run(statements.MERGE_FACTS, table, **arguments)
    return written


def _expect_none(writer: Writer, table: Table, source: MessageSource, arguments: Mapping[str, Any]) -> None:
    """Make sure that what is not written is what arbitration forbids."""
    if source is MessageSource.REALTIME:
        return  # nothing forbids it: its rows are counted
    query = sql.SQL(statements.SUPPRESSED.replace("{guard}", _guard(source).replace("{s}", "s") + " {differs}"))
    differs: sql.Composable = sql.SQL("")
    if _writes_differences(writer, source):
        differs = sql.SQL("AND ({})").format(differing(table, "t"))
    if writer.execute(query.format(t=table.relation, differs=differs), **arguments):
        raise Suppressed.row(table)


def _with_containers(paths: Collection[str]) -> set[str]:
    """The paths and everything above them."""
    names = set(paths)
    for path in paths:
        for container in containers_of(path):
            if container in names:
                break
            names.add(container)
    return names


def _by_key(entries: Iterable[Entry]) -> dict[Key, list[Entry]]:
    groups: dict[Key, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.key, []).append(entry)
    return groups
