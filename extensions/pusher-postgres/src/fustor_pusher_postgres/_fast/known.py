"""What the tables know of paths that are to be written, asked in one query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from fustor_event_model import MessageSource
from fustor_pusher_postgres._fast.blocks import Paths
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.containers import lacking
from fustor_pusher_postgres._write.writer import Writer

__all__ = ["Known", "look", "look_around"]

_HAS = "EXISTS (SELECT FROM {} WHERE path = ANY((SELECT %({})s::text[])::text[]))"  # the planner is spared the paths
_BETWEEN = "EXISTS (SELECT FROM {} WHERE path BETWEEN %({})s AND %({})s)"
_CLOSED = "EXISTS (SELECT FROM {} WHERE path = ANY(%(above)s) AND _below > %(limit)s)"


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables know of some paths and of what is above them."""

    has_rows: bool
    """One of the paths may have a row."""
    is_closed: bool
    """Realtime said that nothing is below a path that is above one of them."""
    has_strangers: bool
    """Another table has something below the root of theirs, if that was asked."""
    missing: set[str]
    """What is above, and no container yet."""


def look(writer: Writer, homes: Sequence[tuple[Table, Sequence[str]]], paths: Paths, source: MessageSource) -> Known:
    """What is known of paths before they are written into these tables."""
    holding = _holding(writer, paths)
    rows: list[sql.Composable] = []
    values: dict[str, Any] = {}
    for number, (home, told) in enumerate(homes):
        names, low, high = (f"{name}{number}" for name in ("paths", "low", "high"))
        values |= {names: told, low: min(told), high: max(told)}
        rows.append(sql.SQL(_HAS).format(writer.name(home), sql.SQL(names)))
        rows += _between(writer, _others(holding, home), low, high)
    return _ask(writer, paths, source, rows=rows, strangers=[], values=values)


def look_around(writer: Writer, home: Table, paths: Paths, source: MessageSource) -> Known:
    """What is known of paths that have just been copied into a table, but by that table itself."""
    others = _others(_holding(writer, paths), home)
    below = home.root.rstrip("/")
    values = {"low0": min(paths.told), "high0": max(paths.told), "low1": f"{below}/", "high1": f"{below}0"}
    rows, strangers = _between(writer, others, "low0", "high0"), _between(writer, others, "low1", "high1")
    return _ask(writer, paths, source, rows=rows, strangers=strangers, values=values)


def _holding(writer: Writer, paths: Paths) -> list[Table]:
    return writer.tables.holding(paths.above.keys() | paths.told)


def _others(tables: Iterable[Table], home: Table) -> list[Table]:
    return [table for table in tables if table.number != home.number]


def _between(writer: Writer, tables: Iterable[Table], low: str, high: str) -> list[sql.Composable]:
    return [sql.SQL(_BETWEEN).format(writer.name(table), sql.SQL(low), sql.SQL(high)) for table in tables]


def _ask(
    writer: Writer,
    paths: Paths,
    source: MessageSource,
    *,
    rows: Sequence[sql.Composable],
    strangers: Sequence[sql.Composable],
    values: dict[str, Any],
) -> Known:
    closed = []
    if source is MessageSource.SNAPSHOT and writer.state.has_marks:
        closed = [sql.SQL(_CLOSED).format(writer.name(table)) for table in _holding(writer, paths)]
    query = sql.SQL("SELECT {}, {}, {}, ARRAY({})").format(
        _any(rows), _any(closed), _any(strangers), lacking(writer, paths.above)
    )
    values["above"] = list(paths.above)
    ((has_rows, is_closed, has_strangers, missing),) = writer.execute(query, source=source, **values)
    return Known(has_rows, is_closed, has_strangers, set(missing))


def _any(doubts: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" OR ").join(doubts) if doubts else sql.SQL("false")
