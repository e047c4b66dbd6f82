"""What the tables know of paths that are to be written, asked in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from fustor_event_model import MessageSource
from fustor_pusher_postgres._block import Paths
from fustor_pusher_postgres._containers import lacking
from fustor_pusher_postgres._tables import Table
from fustor_pusher_postgres._write import Writer

__all__ = ["Known", "look"]

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
    missing: set[str]
    """What is above, and no container yet."""


def look(
    writer: Writer,
    homes: Sequence[tuple[Table, Sequence[str]]],
    paths: Paths,
    source: MessageSource,
    *,
    are_copied: bool = False,
) -> Known:
    """What is known of the paths of these tables; of rows that are copied, what other tables know."""
    holding = writer.tables.holding(paths.above.keys() | paths.told)
    rows: list[sql.Composable] = []
    values: dict[str, Any] = {"above": list(paths.above)}
    for number, (home, told) in enumerate(homes):
        names, low, high = (f"{name}{number}" for name in ("paths", "low", "high"))
        values |= {low: min(told), high: max(told)}
        if not are_copied:
            values[names] = told
            rows.append(sql.SQL(_HAS).format(writer.name(home), sql.SQL(names)))
        others = [writer.name(table) for table in holding if table.number != home.number]
        rows += [sql.SQL(_BETWEEN).format(other, sql.SQL(low), sql.SQL(high)) for other in others]
    closed = []
    if source is MessageSource.SNAPSHOT and writer.state.has_marks:
        closed = [sql.SQL(_CLOSED).format(writer.name(table)) for table in holding]
    query = sql.SQL("SELECT {}, {}, ARRAY({})").format(_any(rows), _any(closed), lacking(writer, paths.above))
    ((has_rows, is_closed, missing),) = writer.execute(query, source=source, **values)
    return Known(has_rows, is_closed, set(missing))


def _any(doubts: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" OR ").join(doubts) if doubts else sql.SQL("false")
