"""Writing a run: who wins over what is there, then rows, deletions and the containers above."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_event_model import MessageSource
from fustor_pusher_postgres._fast.memory import Forecast, Sure
from fustor_pusher_postgres._tables.columns import Act
from fustor_pusher_postgres._tables.declare import Declarations
from fustor_pusher_postgres._tables.fold import whole_record
from fustor_pusher_postgres._tables.long import Place, fact_key, places
from fustor_pusher_postgres._tables.schema import FACTS, notes_name, qualified
from fustor_pusher_postgres._tables.state import State
from fustor_pusher_postgres._tables.tables import Table, Tables
from fustor_pusher_postgres._write import statements
from fustor_pusher_postgres._write.containers import lacking, make_containers
from fustor_pusher_postgres._write.differences import differing
from fustor_pusher_postgres._write.partial import supply
from fustor_pusher_postgres._write.records import Variant, patching, replacing, texts_of
from fustor_pusher_postgres._write.refusals import Suppressed
from fustor_pusher_postgres._write.rows import Entry, Key, Run, parent_of
from fustor_pusher_postgres._write.stage import copy_entries
from fustor_pusher_postgres.config import PostgresParams

__all__ = ["Staged", "Writer"]


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows in the staging table that all go into one table."""

    paths: Sequence[str]
    variants: Sequence[Variant]


class Writer:
    """Writes runs of one push, inside its transaction."""

    def __init__(self, cur: cursor, params: PostgresParams, state: State, tables: Tables, forecast: Forecast) -> None:
        """Write into these tables."""
        self.cur = cur
        self.schema = params.schema_name
        self.params = params
        self.state = state
        self.tables = tables
        self.forecast = forecast
        self.declarations = Declarations(cur, params, tables, state.session)
        self.sure: Sure | None = None
        self._runs = 0

    def write(self, run: Run) -> None:
        """Write what a run says, by the driver contract, section 8."""
        state = self.state
        self.begin_run(run.source)
        names = _with_containers(run.paths())
        if run.source is not MessageSource.REALTIME and (state.has_marks or state.has_facts):
            self._overrule(run, names)
        is_audit = run.source is MessageSource.AUDIT
        self.note([entry for entry in run.entries.values() if entry.act == Act.NOTE], run.source)
        groups = _by_key(run.puts())
        homes = {key: self._home(key, group) for key, group in groups.items()}
        staged = [entry for entry in run.entries.values() if is_audit or entry.act != Act.NOTE]
        if staged:
            copy_entries(self.cur, self._runs, [(homes[e.key].number if e.is_put else 0, e) for e in staged])
        if is_audit:
            self.run(statements.REPORT)
        if any(entry.act in (Act.DELETE, Act.REPLACE) for entry in staged):
            self._delete(names, run)
        for key, group in groups.items():
            variants = [*replacing(homes[key], group), *patching(homes[key], group)]
            self.put(homes[key], Staged([entry.path for entry in group], variants), run.source, names)
        self.complete(run.above, run.source)

    def complete(self, above: Mapping[str, str], source: MessageSource) -> None:
        """Make containers of all that is above what was written, each with the event_schema it is told under."""
        if above:
            missing = {path for (path,) in self.execute(lacking(self, above), above=list(above))}
            make_containers(self, missing, above, source)

    def begin_run(self, source: MessageSource) -> int:
        """Begin a run: its number, by which the staging table knows its rows."""
        self._runs += 1
        self.sure = None
        if source is MessageSource.REALTIME:
            self.state.clock += 1
        return self._runs

    def restore(self, state: State, tables: list[Table]) -> None:
        """Go back to what was so before a savepoint."""
        for column in fields(State):
            setattr(self.state, column.name, getattr(state, column.name))
        self.tables.reset(tables)

    def note(self, entries: Sequence[Entry], source: MessageSource) -> None:
        """Take note that these paths were reported, although nothing is written for them."""
        if not entries or not self.state.snapshot_open:
            return  # marks are told otherwise, and what an audit reports as well
        self.state.has_facts = True
        self._run(
            statements.NOTE,
            source=source,
            paths=[entry.path for entry in entries],
            tolds=[entry.told for entry in entries],
            darks=[entry.is_dark or None for entry in entries],
        )

    def home(self, key: Key, paths: Collection[str]) -> Table:
        """The table of a key, which can hold these paths."""
        is_typed = bool(key[1]) and self.params.is_typed(*key)
        is_there = self.tables.find(key) is not None
        table = self.tables.reach(self.cur, key, paths, is_typed=is_typed)
        table = table if is_there else self.declarations.made(table)
        return self.tables.lengthen(self.cur, table, paths)

    def cut_below(self, paths: Collection[str]) -> int:
        """Delete everything below these paths; what was said of it is kept where it can still matter.

        Returns how many rows went.
        """
        keep = self.state.snapshot_open
        bounds = [(path.rstrip("/") + "/", path.rstrip("/") + "0") for path in paths]
        tables = {table.number: table for path in paths for table in self.tables.overlapping(path)}
        gone = 0
        for table in tables.values():
            lows, highs = [bound[0] for bound in bounds], [bound[1] for bound in bounds]
            ((count,),) = self._run(statements.CUT, table, lows=lows, highs=highs, keep=keep)
            gone += count
        self.state.has_facts = self.state.has_facts or keep
        return gone

    def is_touched(self, path: str, limit: int) -> bool:
        """Whether realtime has written the path, or anything below it, since the limit, and not deleted it."""
        low, high = path.rstrip("/") + "/", path.rstrip("/") + "0"
        return any(
            self._run(statements.TOUCHED, table, path=path, low=low, high=high, limit=limit) == [(True,)]
            for table in self.tables.overlapping(path)
        )

    def _home(self, key: Key, group: list[Entry]) -> Table:
        table = self.home(key, [entry.path for entry in group])
        if not table.is_typed:
            return table
        table = self.tables.widen(self.cur, table, [entry.record for entry in group])
        forms = table.forms()
        for entry in group:
            entry.record = texts_of(entry.record, forms)
        return table

    def _overrule(self, run: Run, names: set[str]) -> None:
        """Turn entries that realtime has overruled into notes."""
        limit = self._limit(run.source)
        facts: dict[str, tuple[int | None, int | None, float | None]] = {}
        if self.state.has_facts:
            query = (
                "SELECT coalesce(long_path, path), at, below, told FROM {f}"
                " WHERE task = %(task)s AND path = ANY(%(paths)s)"
            )
            keys = [fact_key(path) for path in names]
            facts = {path: (at, below, told) for path, at, below, told in self._run(query, paths=keys)}
        closed = {path for path, (_, below, _) in facts.items() if (below or 0) > limit}
        above = list(run.above)
        for table in self.tables.holding(names):
            query = "SELECT path FROM {t} WHERE path = ANY(%(paths)s) AND _below > %(limit)s"
            closed.update(path for (path,) in self._run(query, table, paths=above, limit=limit))
        is_snapshot = run.source is MessageSource.SNAPSHOT
        for entry in run.puts():
            at, _, told = facts.get(entry.path, (None, None, None))
            is_old = is_snapshot and told is not None and told >= entry.mtime
            if (at or 0) > limit or is_old or (closed and not closed.isdisjoint(_containers(entry.path))):
                entry.act = Act.NOTE
        run.above = {container: run.above[container] for entry in run.puts() for container in _containers(entry.path)}

    def _limit(self, source: MessageSource) -> int:
        """Marks above it hold against rows of this source."""
        return self.state.floor if source is MessageSource.SNAPSHOT else self.state.audit_since or 0

    def _delete(self, names: set[str], run: Run) -> None:
        keep = self.state.snapshot_open
        # the root is above everything, whether it has a row or not
        awaited = {path for path, e in run.entries.items() if e.act in (Act.DELETE, Act.REPLACE)}
        containers, gone = {"/"} & awaited, 0
        for table in self.tables.holding(names):
            ((count, found),) = self._run(statements.DELETE, table, keep=keep)
            containers.update(found or ())
            gone += count
        if containers:
            self.cut_below(containers)
        if run.source is MessageSource.REALTIME and (containers or gone < len(awaited)):
            self._expect_gone(names, containers)
        if self.state.needs_facts:
            self._run(statements.TOMBSTONES)
            self.state.has_facts = True

    def _expect_gone(self, names: set[str], containers: Collection[str]) -> None:
        """Make sure that nothing has kept a row that was to go, nor what was below a container.

        Raises:
            Suppressed: a trigger or a rule of the user's has.
        """
        lows, highs = [path.rstrip("/") + "/" for path in containers], [path.rstrip("/") + "0" for path in containers]
        tables = {table.number: table for table in self.tables.holding(names)}
        tables |= {table.number: table for path in containers for table in self.tables.overlapping(path)}
        for table in tables.values():
            if self._run(statements.KEPT, table, lows=lows, highs=highs) != [(0,)]:
                raise Suppressed(f"A trigger of table {table.name!r} keeps a row that was to go; let it return OLD")

    def put(self, table: Table, staged: Staged, source: MessageSource, names: Collection[str]) -> None:
        """Write rows that are in the staging table, whatever is known of them; `names` has all that is above, too."""
        for other in self.tables.holding(names):
            if other.number != table.number and self._is_between(other, staged.paths):
                for place in self.places(table):
                    parts = place.parts("s.path", "path")
                    query = sql.SQL(statements.MOVE).format(y=self.name(other), record=whole_record(other), **parts)
                    self.execute(query, home=table.number)
        written = self._upsert(table, staged.variants, source)
        if written < len(staged.paths):
            written += self._settle(table, staged.variants, source)
        if source is MessageSource.REALTIME and written < len(staged.paths):
            raise Suppressed(f"A trigger of table {table.name!r} made nothing of a row; let it raise, or return a row")

    def _is_between(self, table: Table, paths: Sequence[str]) -> bool:
        """Whether a table has any path between the first and the last of a group: if not, it has none of them."""
        query = "SELECT EXISTS (SELECT FROM {t} WHERE path BETWEEN %(low)s AND %(high)s)"
        # by code points as by bytes: UTF-8 keeps their order
        return self._run(query, table, low=min(paths), high=max(paths)) == [(True,)]

    def _upsert(
        self, table: Table, variants: Sequence[Variant], source: MessageSource, only: list[str] | None = None
    ) -> int:
        """Write rows that nothing forbids; return how many were written."""
        guard = sql.SQL(self._guard(source).format(s="excluded"))
        known: sql.Composable = sql.SQL("")
        differs: sql.Composable = sql.SQL("")
        if self._writes_differences(source):
            known = sql.SQL("LEFT JOIN {} k ON k.path = s.path").format(self.name(table))
            differs = sql.SQL(" AND (k.path IS NULL OR {})").format(differing(table, "k"))
        written = 0
        for place, variant in product(self.places(table), variants):
            paths = variant.paths if only is None else only
            awaits = source is MessageSource.REALTIME and self.state.snapshot_open and variant.acts == [Act.PATCH]
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
            self.execute(query, source=source, home=table.number, acts=variant.acts, paths=paths)
            written += self.cur.rowcount
        return written

    def _writes_differences(self, source: MessageSource) -> bool:
        """Whether rows that tell what is known are left alone: all that they would leave is that they were reported."""
        return source is MessageSource.AUDIT and not self.state.snapshot_open

    def _guard(self, source: MessageSource) -> str:
        if source is MessageSource.REALTIME:
            return ""
        return statements.YOUNG if source is MessageSource.SNAPSHOT else statements.UNMARKED

    def _settle(self, table: Table, variants: Sequence[Variant], source: MessageSource) -> int:
        """Write what is no container over a container, unless realtime touched that; note what is not written.

        Returns how many rows were written.

        Raises:
            Suppressed: something else than arbitration has kept a row out.
        """
        written = 0
        limit = self._limit(source)
        query = statements.CONFLICTS.replace("{guard}", self._guard(source).replace("{s}", "s"))
        arguments: dict[str, Any] = {"source": source, "home": table.number, "acts": [Act.PUT, Act.PATCH, Act.REPLACE]}
        conflicts = [path for (path,) in self._run(query, table, **arguments)]
        free = [p for p in conflicts if source is MessageSource.REALTIME or not self.is_touched(p, limit)]
        if free:
            self.cut_below(free)
            self._run("UPDATE {t} SET is_directory = false WHERE path = ANY(%(paths)s)", table, paths=free)
            written = self._upsert(table, variants, source, free)
        self._expect_none(table, source, arguments)
        if source is MessageSource.SNAPSHOT:
            self.execute(sql.SQL(statements.SUPPLY).format(t=self.name(table), **supply(table)), **arguments)
        if source is not MessageSource.REALTIME and self.state.snapshot_open:
            self._run(statements.MERGE_FACTS, table, **arguments)
        return written

    def _expect_none(self, table: Table, source: MessageSource, arguments: Mapping[str, Any]) -> None:
        """Make sure that what is not written is what arbitration forbids."""
        if source is MessageSource.REALTIME:
            return  # nothing forbids it: its rows are counted
        query = sql.SQL(
            statements.SUPPRESSED.replace("{guard}", self._guard(source).replace("{s}", "s") + " {differs}")
        )
        differs: sql.Composable = sql.SQL("")
        if self._writes_differences(source):
            differs = sql.SQL("AND ({})").format(differing(table, "t"))
        if self.execute(query.format(t=self.name(table), differs=differs), **arguments):
            raise Suppressed(f"A trigger of table {table.name!r} made nothing of a row; let it raise, or return a row")

    def places(self, table: Table) -> list[Place]:
        """The relations that rows of a table are inserted into."""
        return places(self.schema, table.name, table.number, has_long=table.has_long)

    def name(self, table: Table) -> sql.Composable:
        """The quoted name of a table."""
        return qualified(self.schema, table.name)

    def _run(self, text: str, table: Table | None = None, other: Table | None = None, **values: Any) -> list[Any]:
        names = {
            "f": qualified(self.schema, FACTS),
            "n": qualified(self.schema, notes_name(self.state.number)),
            "t": self.name(table) if table else sql.SQL(""),
            "y": self.name(other) if other else sql.SQL(""),
        }
        return self.execute(sql.SQL(text).format(**names), **values)

    def run(self, text: str, table: Table | None = None, **values: Any) -> list[Any]:
        """What a statement answers; it may use `{t}`, `{f}` and the values that every statement is given."""
        return self._run(text, table, **values)

    def execute(self, query: sql.Composable, *, source: MessageSource | None = None, **values: Any) -> list[Any]:
        """What a query answers; it may use the values that every statement is given."""
        state = self.state
        common = {
            "run": self._runs,
            "task": state.number,
            "session": state.session,
            "clock": state.clock if source is MessageSource.REALTIME or source is None else None,
            "audit": state.audits if state.audit_since is not None and source in (None, MessageSource.AUDIT) else None,
            "source": source.value if source else None,
            "limit": self._limit(source) if source else None,
        }
        self.cur.execute(query, common | {name: _parameter(value) for name, value in values.items()})
        return self.cur.fetchall() if self.cur.description else []


def _parameter(value: object) -> object:
    """Many texts as the one literal of their array: cheaper, for both ends, than a literal for each."""
    if not (isinstance(value, list) and value and {*map(type, value)} == {str}):
        return value
    text = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in value)
    return f'{{"{text}"}}'


def _containers(path: str) -> Iterable[str]:
    while path != "/":
        path = parent_of(path)
        yield path


def _with_containers(paths: list[str]) -> set[str]:
    """The paths and everything above them."""
    names = set(paths)
    for path in paths:
        while path != "/":
            path = parent_of(path)  # noqa: PLW2901 - climbing
            if path in names:
                break
            names.add(path)
    return names


def _by_key(entries: Iterable[Entry]) -> dict[Key, list[Entry]]:
    groups: dict[Key, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.key, []).append(entry)
    return groups
