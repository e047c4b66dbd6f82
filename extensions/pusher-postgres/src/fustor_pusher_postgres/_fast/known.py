"""What is known of paths before their rows are written: remembered from the last pushes, or asked in one query."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from psycopg2 import sql

from fustor_event_model import EventType, MessageSource
from fustor_pusher_postgres._fast.blocks import Paths
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.refusals import Streak
from fustor_pusher_postgres._write.writer import Writer

_NEWS_MIN, _NEWS_MAX = 1, 64
_HAS = "EXISTS (SELECT FROM {} WHERE path = ANY((SELECT %({})s::text[])::text[]))"  # the planner is spared the paths
_BETWEEN = "EXISTS (SELECT FROM {} WHERE path BETWEEN %({})s AND %({})s)"
_CLOSED = "EXISTS (SELECT FROM {} WHERE path = ANY(%(above)s) AND _below > %(limit)s)"


class Mistaken(ValueError):  # noqa: N818 - nobody's error: something is not what it was taken for
    """What is remembered does not hold, or rows are not as new as they looked; the transaction has to go."""


class Forecast:
    """Whether the next rows of a source are likely new: as the last ones were.

    After every mistake it wants to have seen twice as many pushes of new rows. Updates of realtime are forecast by
    updates alone, and never taken for new once realtime has sent an insert: then it says which rows are new.
    """

    def __init__(self, wanted: int = _NEWS_MIN) -> None:
        """Want this many pushes of new rows at first."""
        self._seen = Counter[tuple[MessageSource, bool]]()
        self._wanted = defaultdict[tuple[MessageSource, bool], int](lambda: wanted)
        self._says_insert = False

    @classmethod
    def none(cls) -> Self:
        """One that never takes rows for new."""
        return cls(sys.maxsize)

    def is_new(self, source: MessageSource, types: Collection[EventType] = ()) -> bool:
        """Whether the next rows of this source, in events of these types, are taken for new."""
        kind = _kind(source, types)
        self._says_insert |= source is MessageSource.REALTIME and EventType.INSERT in types
        return self._seen[kind] >= self._wanted[kind] and not (kind[1] and self._says_insert)

    def found(self, source: MessageSource, types: Collection[EventType] = (), *, are_new: bool) -> None:
        """Take note of what rows were found to be."""
        kind = _kind(source, types)
        self._seen[kind] = self._seen[kind] + 1 if are_new else 0

    def was_mistaken(self, source: MessageSource, types: Collection[EventType] = ()) -> None:
        """Take note that rows were wrongly taken for new."""
        kind = _kind(source, types)
        self._seen[kind] = 0
        self._wanted[kind] = min(2 * self._wanted[kind], _NEWS_MAX)


def _kind(source: MessageSource, types: Collection[EventType]) -> tuple[MessageSource, bool]:
    """What has a forecast of its own: a source, and realtime's updates."""
    return source, source is MessageSource.REALTIME and EventType.UPDATE in types


@dataclass(frozen=True, slots=True)
class Sure:
    """What was found around rows that were copied, and holds until something else is written."""

    table: Table
    """The one they are in; no other one of the task has anything below its root."""
    containers: frozenset[str]
    """What is above them, and is there."""

    def covers(self, table: Table, paths: Paths) -> bool:
        """Whether nothing has to be looked for around rows of this table, once their paths are not in it."""
        return (
            self.table == table
            and self.containers.issuperset(paths.above)
            and self.containers.isdisjoint(paths.own)  # these may be in another table
        )


@dataclass(slots=True)
class Memory:
    """Of one task; what another process may have changed is kept with the mark that shows it."""

    tables: tuple[int, list[Table]] = (-1, [])
    """The tables, and the version of them that they are."""
    sure: tuple[str, Sure | None] = ("", None)
    """What is sure while this transaction is the last one that has pushed."""
    forecast: Forecast = field(default_factory=Forecast)
    streak: Streak = field(default_factory=Streak)


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables know of some paths and of what is above them."""

    has_rows: bool
    """One of the paths may have a row."""
    is_closed: bool
    """Realtime said that nothing is below a path that is above one of them."""
    has_foreign_rows: bool
    """Another table has something below the root of theirs, if that was asked."""
    missing: set[str]
    """What is above, and no container yet."""


def look(writer: Writer, homes: Iterable[tuple[Table, Sequence[str]]], paths: Paths, source: MessageSource) -> Known:
    """What is known of paths before they are written into these tables."""
    holding = _holding(writer, paths)
    rows: list[sql.Composable] = []
    values: dict[str, Any] = {}
    for number, (home, told) in enumerate(homes):
        names, low, high = (f"{name}{number}" for name in ("paths", "low", "high"))
        values |= {names: told, low: min(told), high: max(told)}
        rows.append(sql.SQL(_HAS).format(home.relation, sql.SQL(names)))
        rows += _between(holding, home, low, high)
    return _ask(writer, paths, source, rows=rows, foreign=[], values=values)


def look_around(writer: Writer, home: Table, paths: Paths, source: MessageSource) -> Known:
    """What is known of paths that have just been copied into a table, but by that table itself."""
    holding = _holding(writer, paths)
    below = home.root.rstrip("/")
    values = {"low0": min(paths.own), "high0": max(paths.own), "low1": f"{below}/", "high1": f"{below}0"}
    rows, foreign = _between(holding, home, "low0", "high0"), _between(holding, home, "low1", "high1")
    return _ask(writer, paths, source, rows=rows, foreign=foreign, values=values)


def _holding(writer: Writer, paths: Paths) -> list[Table]:
    return writer.tables.holding(paths.above.keys() | paths.own)


def _between(tables: Iterable[Table], home: Table, low: str, high: str) -> list[sql.Composable]:
    """Whether other tables than the home have something between these."""
    others = [table.relation for table in tables if table.number != home.number]
    return [sql.SQL(_BETWEEN).format(other, sql.SQL(low), sql.SQL(high)) for other in others]


def _ask(
    writer: Writer,
    paths: Paths,
    source: MessageSource,
    *,
    rows: Sequence[sql.Composable],
    foreign: Sequence[sql.Composable],
    values: dict[str, Any],
) -> Known:
    closed = []
    if source is MessageSource.SNAPSHOT and writer.state.has_marks:
        closed = [sql.SQL(_CLOSED).format(table.relation) for table in _holding(writer, paths)]
    query = sql.SQL("SELECT {}, {}, {}, ARRAY({})").format(
        _any(rows), _any(closed), _any(foreign), writer.lacking(paths.above)
    )
    values["above"] = list(paths.above)
    ((has_rows, is_closed, has_foreign_rows, missing),) = writer.execute(query, source=source, **values)
    return Known(has_rows, is_closed, has_foreign_rows, set(missing))


def _any(doubts: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" OR ").join(doubts) if doubts else sql.SQL("false")
