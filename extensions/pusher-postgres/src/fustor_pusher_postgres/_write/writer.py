"""What every step of a push writes with: its transaction, the tables and the state of its task."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_event_model import MessageSource
from fustor_pusher_postgres._tables.declare import Declarations
from fustor_pusher_postgres._tables.paths import Key, bounds_below
from fustor_pusher_postgres._tables.schema import FACTS, notes_name, qualified
from fustor_pusher_postgres._tables.state import State
from fustor_pusher_postgres._tables.tables import Table, Tables
from fustor_pusher_postgres._write import statements
from fustor_pusher_postgres._write.rows import Entry
from fustor_pusher_postgres.config import PostgresParams

_IS_NO_CONTAINER = sql.SQL("NOT EXISTS (SELECT FROM {} t WHERE t.path = a.path AND t.is_directory)")
_IS_FILE = sql.SQL("EXISTS (SELECT FROM {} t WHERE t.path = a.path AND NOT t.is_directory)")
_LACKING = sql.SQL(
    "SELECT a.path FROM pg_catalog.unnest(%(above)s::text[]) AS a (path)"
    " WHERE a.path <> '/' AND {known} OR a.path = '/' AND ({root})"
)


class Suppressed(ValueError):  # noqa: N818 - it is refused, not faulty code
    """A trigger of the user's made nothing of rows, and said nothing."""

    @classmethod
    def row(cls, table: Table) -> Suppressed:
        """A row that was to be written."""
        return cls(f"A trigger of table {table.name!r} made nothing of a row; let it raise, or return a row")


class Writer:
    """One push, inside its transaction."""

    def __init__(self, cur: cursor, params: PostgresParams, state: State, tables: Tables) -> None:
        """Write into these tables."""
        self.cur = cur
        self.schema = params.schema_name
        self.params = params
        self.state = state
        self.tables = tables
        self.declarations = Declarations(params, tables)
        self.run_number = 0
        """By which the staging table knows the rows of the present run; whatever is written begins another one."""

    def begin_run(self, source: MessageSource) -> int:
        """Begin a run, and return its number."""
        self.run_number += 1
        if source is MessageSource.REALTIME:
            self.state.clock += 1
        return self.run_number

    def limit(self, source: MessageSource) -> int:
        """Marks above it hold against rows of this source."""
        return self.state.floor if source is MessageSource.SNAPSHOT else self.state.audit_since or 0

    def home(self, key: Key, paths: Collection[str]) -> Table:
        """The table of a key, which can hold these paths."""
        is_typed = bool(key[1]) and self.params.is_typed(*key)
        is_there = self.tables.find(key) is not None
        table = self.tables.reach(key, paths, is_typed=is_typed)
        table = table if is_there else self.declarations.made(table)
        return self.tables.lengthen(table, paths)

    def note(self, entries: Sequence[Entry], source: MessageSource) -> None:
        """Take note that these paths were reported, although nothing is written for them."""
        if not entries or not self.state.snapshot_open:
            return  # marks are kept otherwise, and what an audit reports as well
        self.state.has_facts = True
        self.run(
            statements.NOTE,
            source=source,
            paths=[entry.path for entry in entries],
            tolds=[entry.told for entry in entries],
            darks=[entry.is_dark or None for entry in entries],
        )

    def cut_below(self, paths: Collection[str]) -> int:
        """Delete everything below these paths; what was said of it is kept where it can still matter.

        Returns how many rows went.
        """
        keep = self.state.snapshot_open
        lows, highs = bounds_below(paths)
        tables = {table.number: table for path in paths for table in self.tables.overlapping(path)}
        gone = 0
        for table in tables.values():
            ((count,),) = self.run(statements.CUT, table, lows=lows, highs=highs, keep=keep)
            gone += count
        self.state.has_facts = self.state.has_facts or keep
        return gone

    def is_touched(self, path: str, limit: int) -> bool:
        """Whether realtime has written the path, or anything below it, since the limit, and not deleted it."""
        (low,), (high,) = bounds_below([path])
        return any(
            self.run(statements.TOUCHED, table, path=path, low=low, high=high, limit=limit) == [(True,)]
            for table in self.tables.overlapping(path)
        )

    def lacking(self, above: Collection[str]) -> sql.Composed:
        """The query for paths of the parameter `above` that are not containers; the root is one unless it is a file."""
        holding = [table.relation for table in self.tables.holding(above)]
        known: list[sql.Composable] = [_IS_NO_CONTAINER.format(name) for name in holding] or [sql.SQL("true")]
        root: list[sql.Composable] = [_IS_FILE.format(name) for name in holding] or [sql.SQL("false")]
        return _LACKING.format(known=sql.SQL(" AND ").join(known), root=sql.SQL(" OR ").join(root))

    def complete(self, above: Mapping[str, str], source: MessageSource) -> None:
        """Make containers of all that is above what was written, each with the event_schema it is reported under."""
        if above:
            missing = {path for (path,) in self.execute(self.lacking(above), above=list(above))}
            self.make_containers(missing, above, source)

    def make_containers(self, missing: set[str], above: Mapping[str, str], source: MessageSource) -> None:
        """Make these paths, which are lacking, containers; one that was not reported has no mtime."""
        if not missing:
            return
        made = {"/"}
        for table in self.tables.holding(above):
            cleared = [sql.SQL(", {} = NULL").format(sql.Identifier(name)) for name, _ in table.columns]
            clear = sql.SQL(statements.CLEAR).format(t=table.relation, cleared=sql.SQL("").join(cleared))
            made.update(path for (path,) in self.execute(clear, paths=list(missing), source=source))
        homes: dict[str, list[str]] = {}
        for path in sorted(missing - made):
            homes.setdefault(above[path], []).append(path)
        for event_schema, paths in homes.items():
            for place in self.home((event_schema, ""), paths).places:
                query = sql.SQL(statements.IMPLY).format(**place.parts("implied.path", "implied.path"))
                self.execute(query, paths=paths, source=source)

    def run(self, text: str, table: Table | None = None, **values: Any) -> list[Any]:
        """What a statement answers; it may use `{t}`, `{f}`, `{n}` and the values that every statement is given."""
        names = {
            "f": qualified(self.schema, FACTS),
            "n": qualified(self.schema, notes_name(self.state.number)),
            "t": table.relation if table else sql.SQL(""),
        }
        return self.execute(sql.SQL(text).format(**names), **values)

    def execute(self, query: sql.Composable, *, source: MessageSource | None = None, **values: Any) -> list[Any]:
        """What a query answers; it may use the values that every statement is given."""
        state = self.state
        common = {
            "run": self.run_number,
            "task": state.number,
            "session": state.session,
            "clock": state.clock if source is MessageSource.REALTIME or source is None else None,
            "audit": state.audits if state.audit_since is not None and source in (None, MessageSource.AUDIT) else None,
            "source": source.value if source else None,
            "limit": self.limit(source) if source else None,
        }
        self.cur.execute(query, common | {name: _parameter(value) for name, value in values.items()})
        return self.cur.fetchall() if self.cur.description else []


class Savepoint:
    """A point of the transaction that can be gone back to, with what was known there."""

    def __init__(self, writer: Writer) -> None:
        """Now."""
        self._writer = writer
        self._state, self._tables = copy.copy(writer.state), writer.tables.all()
        writer.cur.execute("SAVEPOINT fustor")

    def release(self) -> None:
        """Keep what was done since."""
        self._writer.cur.execute("RELEASE SAVEPOINT fustor")

    def go_back(self) -> None:
        """Undo what was done since."""
        self._writer.cur.execute("ROLLBACK TO SAVEPOINT fustor; RELEASE SAVEPOINT fustor")
        for column in fields(State):
            setattr(self._writer.state, column.name, getattr(self._state, column.name))
        self._writer.tables.reset(self._tables)


def _parameter(value: object) -> object:
    """Many texts as the one literal of their array: cheaper, for both ends, than a literal for each."""
    if not (isinstance(value, list) and value and {*map(type, value)} == {str}):
        return value
    text = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in value)
    return f'{{"{text}"}}'
