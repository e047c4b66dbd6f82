"""Plain rows in blocks: copied into their tables where nothing is known of them, before or after it was asked.

What is known of some rows has them brought from the staging table, as a run is; what is not plain is left to a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import psycopg2.errors
from psycopg2 import sql

from fustor_event_model import EventType, MessageSource
from fustor_pusher_postgres._fast.blocks import NAMES, Block, Item, Paths, blocks_of, part_sizes
from fustor_pusher_postgres._fast.columns import (
    PARTIAL,
    PARTIAL_NONE,
    PARTIAL_RECORD,
    PATCHES,
    PUTS,
    CopyColumn,
    Row,
    columns_of,
    plain_columns,
)
from fustor_pusher_postgres._fast.known import Forecast, Mistaken, Sure, look, look_around
from fustor_pusher_postgres._tables.paths import Key
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.runs import put
from fustor_pusher_postgres._write.stage import NULL, copy_chunks
from fustor_pusher_postgres._write.statements import texts_of
from fustor_pusher_postgres._write.writer import Suppressed, Writer

_BLOCKS_MAX = 8
_COPY = sql.SQL("COPY {} ({}, _below{}, message_source, _at, _session) FROM STDIN")
_COPY_STAGE = sql.SQL("COPY pg_temp._fustor_stage ({}{}, run, home, seen) FROM STDIN")


class Copier:
    """Writes blocks of rows in one push, with what is remembered of the task."""

    def __init__(self, writer: Writer, forecast: Forecast, sure: Sure | None) -> None:
        """Remember this, until something is found to be otherwise."""
        self._writer = writer
        self._forecast = forecast
        self._sure, self._sure_at = sure, writer.run_number

    @property
    def sure(self) -> Sure | None:
        """What is sure around the rows that were copied last, unless something else was written since."""
        return self._sure if self._sure_at == self._writer.run_number else None

    def write(self, items: list[Item]) -> bool:
        """Write the rows, if all of them are plain; otherwise nothing is written.

        Raises:
            Mistaken: rows were taken for new; the transaction has to be begun again.
            psycopg2.Error: the database refuses a value.
            Suppressed: a trigger made nothing of a row.
            ValueError: a value cannot be stored anywhere.
        """
        source, types = items[0][0].message_source, {event.event_type for event, _ in items}
        if EventType.DELETE in types or not self._may_come_in_blocks(source, items):
            return False
        if self._forecast.is_new(source, types) and self._copy_unseen(items, source, types):
            return True
        blocks = blocks_of(items)
        if blocks is None or len(blocks) > _BLOCKS_MAX or any(block.has_skipped for block in blocks):
            return False
        paths = Paths.of(blocks)
        return paths.are_apart and self._write_found(blocks, paths, source, types)

    def _may_come_in_blocks(self, source: MessageSource, items: Iterable[Item]) -> bool:
        """Audits are apart: what they say of a path is noted one by one."""
        if any(event.message_source is not source for event, _ in items):
            return False
        is_snapshot = source is MessageSource.SNAPSHOT and not self._writer.state.has_facts
        return source is MessageSource.REALTIME or is_snapshot

    def _write_found(self, blocks: list[Block], paths: Paths, source: MessageSource, types: set[EventType]) -> bool:
        """Write blocks as it is found that they can be; False, and nothing is written, where they cannot."""
        writer = self._writer
        homes = [(writer.home(block.key, block.paths), block) for block in blocks]
        known = look(writer, [(table, block.paths) for table, block in homes], paths, source)
        self._forecast.found(source, types, are_new=not known.has_rows)
        if known.is_closed:
            return False
        if not (_bring(writer, homes, paths, source) if known.has_rows else _copy(writer, homes, source)):
            return False
        if known.missing:  # but their own rows may be written by now
            writer.complete(paths.above, source)
        return True

    def _copy_unseen(self, items: list[Item], source: MessageSource, types: set[EventType]) -> bool:
        """Copy rows that are likely new before anything is asked: the key of their table refuses one that is not.

        They are checked while they are sent; other conflicts are looked for after the COPY, before the commit. False,
        and nothing is done, where they do not all go into one table that is there.

        Raises:
            Mistaken: a row is not new, or not plain; the transaction has to be begun again, and looks first then.
        """
        event, writer = items[0][0], self._writer
        rows = [row for _, some in items for row in some]
        table = writer.tables.find((event.event_schema, event.table))
        if table is None or {*map(type, rows)} != {dict} or (columns := columns_of(table, rows)) is None:
            return False
        sure = self.sure
        self._sure_at = writer.begin_run(source)
        blocks = _Checked(table.key, items)
        try:
            _copy_blocks(writer, table, columns, blocks, source)
            self._sure = _confirmed(writer, table.key, blocks.paths, source, sure)
        except (Mistaken, psycopg2.errors.UniqueViolation) as error:
            self._forecast.was_mistaken(source, types)
            raise Mistaken(str(error)) from None
        return True


def _copy(writer: Writer, homes: Sequence[tuple[Table, Block]], source: MessageSource) -> bool:
    columns = [columns_of(table, block.rows) for table, block in homes]
    if None in columns:
        return False
    writer.begin_run(source)
    for (table, block), told in zip(homes, columns, strict=True):
        _copy_blocks(writer, table, told or [], block.parts(), source)
    return True


def _bring(writer: Writer, homes: Sequence[tuple[Table, Block]], paths: Paths, source: MessageSource) -> bool:
    """Write rows of which some are known, by way of the staging table."""
    if any(table.is_typed and columns_of(table, block.rows) is None for table, block in homes):
        return False
    number = writer.begin_run(source)
    groups: dict[int, _Group] = {}
    for table, block in homes:
        acts = PATCHES if block.is_update and source is MessageSource.REALTIME else PUTS
        forms = table.forms()
        rows = [row | {"record": texts_of(row["record"], forms)} for row in block.rows] if forms else block.rows
        groups.setdefault(table.number, _Group(table)).add(table, block, acts)
        columns = [*plain_columns(rows), acts]
        ending = f"\t{number}\t{table.number}\t0\n"
        parts = replace(block, rows=rows).parts()
        lines = (part.lines(columns, file="f", container="t", ending=ending) for part in parts)
        copy_chunks(writer.cur, _COPY_STAGE.format(NAMES, _names_of(columns)).as_string(writer.cur), lines)
    names = paths.above.keys() | paths.own
    for group in groups.values():
        put(writer, group.table, group.paths, group.acts, group.patches, source=source, names=names)
    return True


@dataclass(slots=True)
class _Group:
    """What is brought into one table."""

    table: Table
    paths: list[str] = field(default_factory=list)
    acts: set[int] = field(default_factory=set)
    patches: list[tuple[str, Row]] = field(default_factory=list)
    """Of a typed table: the rows that keep what they lack."""

    def add(self, table: Table, block: Block, acts: CopyColumn) -> None:
        """Add a block of the table, which may be another one by now than it was for the one before."""
        self.table = table
        self.paths += block.paths
        self.acts |= {*map(int, {*acts[1](block.rows)})}
        if self.table.is_typed and acts is PATCHES:
            self.patches += [(path, row["record"]) for path, row in zip(block.paths, block.rows, strict=True)]


def _copy_blocks(
    writer: Writer, table: Table, columns: Sequence[CopyColumn], blocks: Iterable[Block], source: MessageSource
) -> None:
    """Copy blocks of one table, each made when the one before is on its way."""
    state = writer.state
    is_realtime = source is MessageSource.REALTIME
    mark = str(state.clock) if is_realtime else NULL
    awaits = is_realtime and state.snapshot_open
    names = [*columns, PARTIAL_NONE] if awaits else columns
    partial = PARTIAL if table.is_typed else PARTIAL_RECORD
    ending = f"\t{source.value}\t{mark}\t{state.session}\n"
    sent = 0

    def lines() -> Iterator[bytes]:
        nonlocal sent
        kinds = {"file": f"f\t{mark}", "container": f"t\t{NULL}", "ending": ending}
        for block in blocks:
            sent += len(block.rows)
            # the keys that rows bring while the snapshot's rows are still to come
            awaited = [partial if block.is_update else PARTIAL_NONE] if awaits else []
            yield block.lines([*columns, *awaited], **kinds)

    statement = _COPY.format(table.relation, NAMES, _names_of(names))
    copy_chunks(writer.cur, statement.as_string(writer.cur), lines())
    if writer.cur.rowcount < sent:
        raise Suppressed.row(table)


def _names_of(columns: Sequence[CopyColumn]) -> sql.Composable:
    """The names of columns, to follow others."""
    return sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name, _ in columns)


class _Checked:
    """Rows of one table in small blocks, each checked when it is asked for, and all of them when the last one is."""

    def __init__(self, key: Key, items: list[Item]) -> None:
        self._key = key
        self._items = items
        self.paths = Paths.of([])

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks; raise Mistaken where a row is not plain."""
        blocks = []
        for part in _parts(self._items):
            found = blocks_of(part)
            if found is None or any(block.key != self._key or block.has_skipped for block in found):
                raise Mistaken("A row is not plain")
            blocks += found
            yield from found
        self.paths = Paths.of(blocks)
        if not self.paths.are_apart:
            raise Mistaken("Rows of this batch conflict with each other")


def _parts(items: Iterable[Item]) -> Iterator[list[Item]]:
    part: list[Item] = []
    sizes = part_sizes()
    room = next(sizes)
    for event, rows in items:
        start = 0
        while start < len(rows):
            some = rows[start : start + room]
            part.append((event, some))
            start, room = start + len(some), room - len(some)
            if not room:
                yield part
                part, room = [], next(sizes)
    if part:
        yield part


def _confirmed(writer: Writer, key: Key, paths: Paths, source: MessageSource, sure: Sure | None) -> Sure | None:
    """Make the containers of rows that are copied; raise Mistaken where these should not be there."""
    table = writer.home(key, paths.own)
    may_be_closed = source is MessageSource.SNAPSHOT and writer.state.has_marks
    if sure is not None and sure.covers(table, paths) and not may_be_closed:
        return sure
    known = look_around(writer, table, paths, source)
    if known.has_rows or known.is_closed:
        raise Mistaken("A row is not new")
    writer.make_containers(known.missing, paths.above, source)
    is_alone = not (known.has_foreign_rows or known.missing)  # what was missing is made in a table of its own
    return Sure(table, frozenset(paths.above)) if is_alone else None
