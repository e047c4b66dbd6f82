"""Blocks of rows: copied where nothing is known of any of them, so that nothing can forbid them; else staged whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from fustor_event_model import EventBase, MessageSource
from fustor_pusher_postgres._block import Block, blocks_of, containers_above
from fustor_pusher_postgres._columns import Column, Row, plain_columns, typed_columns
from fustor_pusher_postgres._containers import lacking, make_containers
from fustor_pusher_postgres._rows import Act
from fustor_pusher_postgres._stage import NULL, copy_chunks
from fustor_pusher_postgres._tables import Table
from fustor_pusher_postgres._typed import plain
from fustor_pusher_postgres._write import Staged, Writer

__all__ = ["write_blocks"]

_BLOCKS_MAX = 8
_COPY_NEW = sql.SQL(
    "COPY {} (event_index, path, mtime, size, is_directory, _below{}, message_source, _at, _session, _seen) FROM STDIN"
)
_COPY_STAGE = sql.SQL(
    "COPY pg_temp._fustor_stage (event_index, path, mtime, size, is_directory{}, run, home, seen) FROM STDIN"
)
_HAS = "EXISTS (SELECT FROM {} WHERE path = ANY((SELECT %({})s::text[])::text[]))"  # the planner is spared the paths
_BETWEEN = "EXISTS (SELECT FROM {} WHERE path BETWEEN %({})s AND %({})s)"
_CLOSED = "EXISTS (SELECT FROM {} WHERE path = ANY(%(above)s) AND _below > %(limit)s)"


@dataclass(frozen=True, slots=True)
class _Home:
    """A block, and the table that it goes into."""

    block: Block
    table: Table


@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables know of some paths and of what is above them."""

    has_rows: bool
    """One of the paths may have a row."""
    is_closed: bool
    """Realtime said that nothing is below a path that is above one of them."""
    missing: set[str]
    """What is above, and no container yet."""


def write_blocks(writer: Writer, items: list[tuple[EventBase, list[Any]]]) -> bool:
    """Write the rows, if none of them has to be looked at by itself; otherwise nothing is written.

    Rows are copied into their tables where nothing is known of any, otherwise brought there from the staging table.

    Raises:
        psycopg2.Error: the database refuses a value.
        ValueError: a value cannot be stored anywhere.
    """
    source = items[0][0].message_source
    blocks = None
    if _may_come_in_blocks(writer, source) and all(event.message_source is source for event, _ in items):
        blocks = blocks_of(items)
    if blocks is None or len(blocks) > _BLOCKS_MAX or any(map(_has_skipped, blocks)):
        return False
    homes = [_Home(block, writer.home(block.key, block.paths)) for block in blocks]
    above = containers_above(blocks)
    known = _known(writer, homes, above, source)
    if known.is_closed:
        return False
    return (
        _bring(writer, homes, above, source) if known.has_rows else _copy(writer, homes, known.missing, above, source)
    )


def _may_come_in_blocks(writer: Writer, source: MessageSource) -> bool:
    """Audits are apart: what they say of a path is noted one by one."""
    return source is MessageSource.REALTIME or (source is MessageSource.SNAPSHOT and not writer.state.has_facts)


def _has_skipped(block: Block) -> bool:
    return any(row.get("audit_skipped") is True for row in block.rows)


def _known(writer: Writer, homes: list[_Home], above: Mapping[str, str], source: MessageSource) -> _Known:
    holding = writer.tables.holding(above.keys() | {path for home in homes for path in home.block.paths})
    rows: list[sql.Composable] = []
    values: dict[str, Any] = {"above": list(above)}
    for number, home in enumerate(homes):
        told = home.block.paths
        paths, low, high = (f"{name}{number}" for name in ("paths", "low", "high"))
        values |= {paths: told, low: min(told), high: max(told)}
        rows.append(sql.SQL(_HAS).format(writer.name(home.table), sql.SQL(paths)))
        others = [writer.name(table) for table in holding if table.number != home.table.number]
        rows += [sql.SQL(_BETWEEN).format(other, sql.SQL(low), sql.SQL(high)) for other in others]
    closed = []
    if source is MessageSource.SNAPSHOT and writer.state.has_marks:
        closed = [sql.SQL(_CLOSED).format(writer.name(table)) for table in holding]
    query = sql.SQL("SELECT {}, {}, ARRAY({})").format(_any(rows), _any(closed), lacking(writer, above))
    ((has_rows, is_closed, missing),) = writer.execute(query, source=source, **values)
    return _Known(has_rows, is_closed, set(missing))


def _any(doubts: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" OR ").join(doubts) if doubts else sql.SQL("false")


def _copy(
    writer: Writer, homes: list[_Home], missing: set[str], above: Mapping[str, str], source: MessageSource
) -> bool:
    columns = [_columns(home) for home in homes]
    if None in columns:
        return False
    writer.begin_run(source)
    state = writer.state
    mark = str(state.clock) if source is MessageSource.REALTIME else NULL
    ending = f"\t{source.value}\t{mark}\t{state.session}\t0\n"
    for home, told in zip(homes, columns, strict=True):
        block = home.block
        lines = block.lines(told or [], file=f"f\t{mark}", container=f"t\t{NULL}", ending=ending)
        statement = _COPY_NEW.format(writer.name(home.table), _names(told or []))
        copy_chunks(writer.cur, statement.as_string(writer.cur), lines)
        missing.difference_update(block.paths if block.has_containers else ())
    make_containers(writer, missing, above, source)
    return True


def _columns(home: _Home) -> list[Column] | None:
    rows = home.block.rows
    return typed_columns(dict(home.table.columns), rows) if home.table.is_typed else plain_columns(rows)


def _bring(writer: Writer, homes: list[_Home], above: Mapping[str, str], source: MessageSource) -> bool:
    if any(home.table.is_typed for home in homes):
        return False
    number = writer.begin_run(source)
    paths: dict[int, list[str]] = {}
    found: dict[int, set[str]] = {}
    for home in homes:
        block = home.block
        acts = _PATCHES if block.is_update and source is MessageSource.REALTIME else _PUTS
        found.setdefault(home.table.number, set()).update(acts[1](block.rows))
        columns = [*plain_columns(block.rows), acts]
        ending = f"\t{number}\t{home.table.number}\t0\n"
        statement = _COPY_STAGE.format(_names(columns)).as_string(writer.cur)
        copy_chunks(writer.cur, statement, block.lines(columns, file="f", container="t", ending=ending))
        paths.setdefault(home.table.number, []).extend(block.paths)
    names = above.keys() | {path for home in homes for path in home.block.paths}
    for table in {home.table.number: home.table for home in homes}.values():
        variants = plain(table, {int(act) for act in found[table.number]})
        writer.put(table, Staged(paths[table.number], variants), source, names)
    writer.complete(above, source)
    return True


def _names(columns: Sequence[Column]) -> sql.Composable:
    return sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name, _ in columns)


def _patch_or_put(rows: Sequence[Row]) -> list[str]:
    return [str(Act.PATCH if isinstance(row.get("record"), dict) else Act.PUT) for row in rows]


_PATCHES: Column = ("act", _patch_or_put)
_PUTS: Column = ("act", lambda rows: [str(Act.PUT)] * len(rows))
