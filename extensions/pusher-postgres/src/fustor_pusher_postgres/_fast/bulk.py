"""Blocks of rows: copied where nothing is known of any of them, so that nothing can forbid them; else staged whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from fustor_event_model import EventBase, MessageSource
from fustor_pusher_postgres._fast.blocks import Block, Paths, blocks_of
from fustor_pusher_postgres._fast.columns import Column, Row, plain_columns
from fustor_pusher_postgres._fast.fresh import columns_of, copy_fresh, copy_unseen, names_of
from fustor_pusher_postgres._fast.known import look
from fustor_pusher_postgres._tables.columns import Act
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.records import plain
from fustor_pusher_postgres._write.stage import copy_chunks
from fustor_pusher_postgres._write.writer import Staged, Writer

__all__ = ["write_blocks"]

_BLOCKS_MAX = 8
_COPY_STAGE = sql.SQL(
    "COPY pg_temp._fustor_stage (event_index, path, mtime, size, is_directory{}, run, home, seen) FROM STDIN"
)


@dataclass(frozen=True, slots=True)
class _Home:
    """A block, and the table that it goes into."""

    block: Block
    table: Table


def write_blocks(writer: Writer, items: list[tuple[EventBase, list[Any]]]) -> bool:
    """Write the rows, if none of them has to be looked at by itself; otherwise nothing is written.

    Rows are copied into their tables where nothing is known of any, otherwise brought there from the staging table.

    Raises:
        Mistaken: rows were taken for new; the transaction has to be begun again.
        psycopg2.Error: the database refuses a value.
        ValueError: a value cannot be stored anywhere.
    """
    source = items[0][0].message_source
    if not _may_come_in_blocks(writer, source) or any(event.message_source is not source for event, _ in items):
        return False
    if writer.forecast.is_new(source) and copy_unseen(writer, items, source):
        return True
    blocks = blocks_of(items)
    if blocks is None or len(blocks) > _BLOCKS_MAX or any(block.has_skipped for block in blocks):
        return False
    paths = Paths.of(blocks)
    return paths.are_apart and _write_found(writer, blocks, paths, source)


def _write_found(writer: Writer, blocks: list[Block], paths: Paths, source: MessageSource) -> bool:
    """Write blocks as it is found that they can be; False, and nothing is written, where they cannot."""
    homes = [_Home(block, writer.home(block.key, block.paths)) for block in blocks]
    known = look(writer, [(home.table, home.block.paths) for home in homes], paths, source)
    writer.forecast.found(source, are_new=not known.has_rows)
    if known.is_closed:
        return False
    if not (_bring(writer, homes, paths, source) if known.has_rows else _copy(writer, homes, source)):
        return False
    if known.missing:  # but what was told of them may be written by now
        writer.complete(paths.above, source)
    return True


def _may_come_in_blocks(writer: Writer, source: MessageSource) -> bool:
    """Audits are apart: what they say of a path is noted one by one."""
    return source is MessageSource.REALTIME or (source is MessageSource.SNAPSHOT and not writer.state.has_facts)


def _copy(writer: Writer, homes: list[_Home], source: MessageSource) -> bool:
    columns = [columns_of(home.table, home.block.rows) for home in homes]
    if None in columns:
        return False
    writer.begin_run(source)
    for home, told in zip(homes, columns, strict=True):
        copy_fresh(writer, home.table, told or [], [home.block], source)
    return True


def _bring(writer: Writer, homes: list[_Home], paths: Paths, source: MessageSource) -> bool:
    if any(home.table.is_typed for home in homes):
        return False
    number = writer.begin_run(source)
    told: dict[int, list[str]] = {}
    found: dict[int, set[str]] = {}
    for home in homes:
        block = home.block
        acts = _PATCHES if block.is_update and source is MessageSource.REALTIME else _PUTS
        found.setdefault(home.table.number, set()).update(acts[1](block.rows))
        columns = [*plain_columns(block.rows), acts]
        ending = f"\t{number}\t{home.table.number}\t0\n"
        statement = _COPY_STAGE.format(names_of(columns)).as_string(writer.cur)
        copy_chunks(writer.cur, statement, block.lines(columns, file="f", container="t", ending=ending))
        told.setdefault(home.table.number, []).extend(block.paths)
    names = paths.above.keys() | paths.told
    for table in {home.table.number: home.table for home in homes}.values():
        variants = plain(table, {int(act) for act in found[table.number]})
        writer.put(table, Staged(told[table.number], variants), source, names)
    return True


def _patch_or_put(rows: Sequence[Row]) -> list[str]:
    return [str(Act.PATCH if isinstance(row.get("record"), dict) else Act.PUT) for row in rows]


_PATCHES: Column = ("act", _patch_or_put)
_PUTS: Column = ("act", lambda rows: [str(Act.PUT)] * len(rows))
