"""Rows that are new: copied into their table, after it was found that they are, or before where that is likely."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import psycopg2.errors
from psycopg2 import sql

from fustor_event_model import EventBase, EventType, MessageSource
from fustor_pusher_postgres._fast.blocks import CHUNK_ROWS, Block, Paths, blocks_of
from fustor_pusher_postgres._fast.columns import Column, Row, plain_columns, typed_columns
from fustor_pusher_postgres._fast.known import look_around
from fustor_pusher_postgres._fast.memory import Mistaken, Sure
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.containers import make_containers
from fustor_pusher_postgres._write.partial import PARTIAL, PARTIAL_NONE
from fustor_pusher_postgres._write.refusals import Suppressed
from fustor_pusher_postgres._write.rows import Key
from fustor_pusher_postgres._write.stage import NULL, copy_chunks
from fustor_pusher_postgres._write.writer import Writer

__all__ = ["columns_of", "copy_fresh", "copy_unseen", "names_of"]

Items: TypeAlias = list[tuple[EventBase, list[Any]]]
_COPY = sql.SQL(
    "COPY {} (event_index, path, mtime, size, is_directory, _below{}, message_source, _at, _session) FROM STDIN"
)


def columns_of(table: Table, rows: Sequence[Row]) -> list[Column] | None:
    """The columns for rows of a table; None where their values have to be looked at one by one."""
    return typed_columns(dict(table.columns), table.natives(), rows) if table.is_typed else plain_columns(rows)


def names_of(columns: Sequence[Column]) -> sql.Composable:
    """The names of columns, to follow others."""
    return sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name, _ in columns)


def copy_fresh(
    writer: Writer, table: Table, columns: Sequence[Column], blocks: Iterable[Block], source: MessageSource
) -> None:
    """Copy blocks of one table, each made when the one before is on its way.

    Raises:
        psycopg2.Error: the database refuses a value.
        Suppressed: a trigger made nothing of a row.
        ValueError: a value cannot be stored anywhere.
    """
    state = writer.state
    is_realtime = source is MessageSource.REALTIME
    mark = str(state.clock) if is_realtime else NULL
    awaits = is_realtime and state.snapshot_open
    names = [*columns, PARTIAL_NONE] if awaits else columns
    ending = f"\t{source.value}\t{mark}\t{state.session}\n"
    sent = 0

    def lines() -> Iterator[bytes]:
        nonlocal sent
        kinds = {"file": f"f\t{mark}", "container": f"t\t{NULL}", "ending": ending}
        for block in blocks:
            sent += len(block.rows)
            yield from block.lines(_awaiting(columns, block) if awaits else columns, **kinds)

    statement = _COPY.format(writer.name(table), names_of(names))
    copy_chunks(writer.cur, statement.as_string(writer.cur), lines())
    if writer.cur.rowcount < sent:
        raise Suppressed(f"A trigger of table {table.name!r} made nothing of a row; let it raise, or return a row")


def _awaiting(columns: Sequence[Column], block: Block) -> list[Column]:
    """The columns, and what the rows have told while the snapshot's rows are still to come."""
    return [*columns, PARTIAL if block.is_update else PARTIAL_NONE]


def copy_unseen(writer: Writer, items: Items, source: MessageSource) -> bool:
    """Copy rows that are likely new before anything is asked: the key of their table tells if one is not.

    They are checked on their way, and what else could rule them out is looked for when they are there. False, and
    nothing is done, where they do not all go into one table that is there.

    Raises:
        Mistaken: a row is not new, or not plain; the transaction has to be begun again, and looks first then.
    """
    event = items[0][0]
    if any(event.event_type is EventType.DELETE for event, _ in items):
        return False
    rows = [row for _, some in items for row in some]
    table = writer.tables.find((event.event_schema, event.table))
    if table is None or {*map(type, rows)} != {dict} or (columns := columns_of(table, rows)) is None:
        return False
    sure = writer.sure
    writer.begin_run(source)
    blocks = _Checked(table.key, items)
    try:
        copy_fresh(writer, table, columns, blocks, source)
        writer.sure = _confirmed(writer, table.key, blocks.paths, source, sure)
    except (Mistaken, psycopg2.errors.UniqueViolation) as error:
        writer.forecast.was_mistaken(source)
        raise Mistaken(str(error)) from None
    return True


class _Checked:
    """Rows of one table in small blocks, each checked when it is asked for, and all of them when the last one is."""

    def __init__(self, key: Key, items: Items) -> None:
        self._key = key
        self._items = items
        self.paths = Paths.of([])

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks; raise Mistaken where a row has to be looked at by itself."""
        blocks = []
        for part in _parts(self._items):
            found = blocks_of(part)
            if found is None or any(block.key != self._key or block.has_skipped for block in found):
                raise Mistaken("A row is not plain")
            blocks += found
            yield from found
        self.paths = Paths.of(blocks)
        if not self.paths.are_apart:
            raise Mistaken("Rows rule each other out")


def _parts(items: Items) -> Iterator[Items]:
    part: Items = []
    size = 0
    for event, rows in items:
        for start in range(0, len(rows), CHUNK_ROWS):
            some = rows[start : start + CHUNK_ROWS]
            part.append((event, some))
            size += len(some)
            if size >= CHUNK_ROWS:
                yield part
                part, size = [], 0
    if part:
        yield part


def _confirmed(writer: Writer, key: Key, paths: Paths, source: MessageSource, sure: Sure | None) -> Sure | None:
    """Make the containers of rows that are copied; raise Mistaken where these should not be there."""
    table = writer.home(key, paths.told)
    may_be_closed = source is MessageSource.SNAPSHOT and writer.state.has_marks
    if sure is not None and sure.covers(table, paths) and not may_be_closed:
        return sure
    known = look_around(writer, table, paths, source)
    if known.has_rows or known.is_closed:
        raise Mistaken("A row is not new")
    make_containers(writer, known.missing, paths.above, source)
    is_alone = not (known.has_strangers or known.missing)  # what was missing is made in a table of its own
    return Sure(table, frozenset(paths.above)) if is_alone else None
