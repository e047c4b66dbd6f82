"""The snapshot: every row of every chosen table once, at the boundary from which the stream goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection
from pydantic import BaseModel, ConfigDict

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, MessageSource
from fustor_source_postgres._rows.shape import ROW_FIELDS, rows_event, table_container
from fustor_source_postgres._server.boundary import Boundary, server_clock
from fustor_source_postgres._server.catalog import Table, load_tables, require_keys, require_tables
from fustor_source_postgres._server.connection import is_final, is_transient
from fustor_source_postgres._server.patience import Patience, Stop, Stopped
from fustor_source_postgres._source import Source
from fustor_source_postgres._tables import Pages, Rewritten, TableReader, size_of

_log = logging.getLogger(__name__)
_LOCK_ATTEMPTS = 12


class Part(BaseModel):
    """Pages of one table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_name: str
    table: str
    pages: Pages | None = None


class Partition(BaseModel):
    """One partition, as JSON: what to read, and the exported snapshot to read it at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    snapshot: str
    clock: float
    index: int
    parts: tuple[Part, ...]


def make_partitions(source: Source, n: int) -> tuple[Boundary, list[Partition]]:
    """About `n` partitions, and the boundary that they can be read at until it is closed.

    Raises:
        ConfigError: no chosen table can be read.
    """
    with source.address.session() as conn:
        tables = require_tables(conn, source.params)
        require_keys(tables, source.params)
        boundary = source.shared.take_boundary()
        if boundary is None:
            boundary = Boundary.hold(source.address, server_clock(conn), -1, source.params.snapshot_hold_sec)
        try:
            return boundary, split(conn, tables, boundary, n)
        except BaseException:
            boundary.close()
            raise


def split(conn: connection, tables: list[Table], boundary: Boundary, n: int) -> list[Partition]:
    """About `n` partitions of about the same number of pages, disjoint and together everything.

    A partitioned table is read whole by one of them.
    """
    sizes = [(table, size_of(conn, table)[1]) for table in tables]
    share = max(-(-sum(pages for _, pages in sizes) // max(n, 1)), 1)
    buckets: list[list[Part]] = [[]]
    room = share
    for table, pages in sizes:
        for part, weight in _parts(table, pages, share):
            if room <= 0:
                buckets.append([])
                room = share
            buckets[-1].append(part)
            room -= weight
    return [
        Partition(snapshot=boundary.snapshot, clock=boundary.clock, index=boundary.index, parts=tuple(parts))
        for parts in buckets
        if parts
    ]


def _parts(table: Table, pages: int, share: int) -> list[tuple[Part, int]]:
    if table.is_partitioned or pages <= share:
        return [(Part(schema_name=table.schema, table=table.name), max(pages, 1))]
    starts = list(range(0, pages, share))
    ends: list[int | None] = [*starts[1:], None]
    return [
        (Part(schema_name=table.schema, table=table.name, pages=Pages(start, end)), (end or pages) - start)
        for start, end in zip(starts, ends, strict=True)
    ]


class SnapshotReader(TableReader):
    """One pass over the chosen tables, or over one partition of them."""

    def __init__(self, source: Source, patience: Patience, stop: Stop, batch_size: int) -> None:
        super().__init__(source, patience, stop, batch_size)
        self._snapshot: str | None = None
        self._clock = 0.0
        self._index = -1

    def whole(self) -> Iterator[EventBase]:
        """Everything, at the waiting boundary, or else at the moment each table is read.

        Raises:
            DriverError: stopped before the end, or the server cannot be read.
        """
        return self._to_its_end(self._whole())

    def partition(self, partition: Partition) -> Iterator[EventBase]:
        """What one partition holds, at the moment that the partitions were made.

        Raises:
            DriverError: stopped before the end, or that moment cannot be seen any more.
        """
        return self._to_its_end(self._partition(partition))

    def _to_its_end(self, events: Iterator[EventBase]) -> Iterator[EventBase]:
        try:
            yield from events
        except Stopped:
            raise DriverError("The snapshot was stopped before its end; take a new one") from None
        finally:
            self._link.close()

    def _whole(self) -> Iterator[EventBase]:
        params = self._source.params
        boundary = self._shared.take_boundary()
        try:
            if boundary is not None:
                self._snapshot, self._clock, self._index = boundary.snapshot, boundary.clock, boundary.index
            tables = self._patience.keep_trying(lambda: require_tables(self._link.get(), params))
            self._estimate(tables)
            require_keys(tables, params)
            for table in tables:
                yield from self._table(table)
        finally:
            if boundary is not None:
                boundary.close()

    def _partition(self, partition: Partition) -> Iterator[EventBase]:
        self._snapshot, self._clock, self._index = partition.snapshot, partition.clock, partition.index
        self._shared.raise_clock(partition.clock)
        try:
            found = load_tables(self._link.get(), self._source.params)
            tables = {(table.schema, table.name): table for table in found}
            for part in partition.parts:
                yield from self._part(tables[part.schema_name, part.table], part)
        except (Rewritten, KeyError, psycopg2.Error) as err:
            raise DriverError(
                f"A partition of the snapshot cannot be read: {self._source.address.clean(err)}; ask for new partitions"
            ) from None

    def _part(self, table: Table, part: Part) -> Iterator[EventBase]:
        if not table.key:
            yield self._skipped(table)
            return
        self._lock(table, self._snapshot)
        yield from self._rows(table, part.pages)

    def _table(self, table: Table) -> Iterator[EventBase]:
        """One table, from its start again after every fault that passes; marked where it cannot be read."""
        if not table.key:
            yield self._skipped(table)
            return
        while True:
            try:
                self._lock_patiently(table)
                before = self.rows_sent
                yield from self._rows(table)
                _log.info("Snapshot of %s: %d rows", table.qualified, self.rows_sent - before)
                self._patience.reset()
            except errors.UndefinedTable:
                self._link.rollback()  # dropped since the tables were listed: it holds nothing
            except psycopg2.Error as err:
                if is_transient(err) and not is_final(err) and not isinstance(err, errors.LockNotAvailable):
                    self._link.close()
                    self._patience.wait(err)
                    continue
                _log.warning("Snapshot skips %s: %s", table.qualified, self._source.address.clean(err))
                self._link.rollback()
                yield self._skipped(table)
            return

    def _rows(self, table: Table, pages: Pages | None = None) -> Iterator[EventBase]:
        """The rows of a locked table."""
        make = partial(rows_event, table, MessageSource.SNAPSHOT, fields=ROW_FIELDS, index=self._index)
        return self._read(table, self._clock, make, pages)

    def _lock_patiently(self, table: Table) -> None:
        for attempt in range(_LOCK_ATTEMPTS):
            self._stop.check()
            try:
                return self._lock_at(table, self._snapshot)
            except errors.LockNotAvailable:
                self._link.rollback()
                if attempt == _LOCK_ATTEMPTS - 1:
                    raise
            except (Rewritten, errors.InvalidParameterValue, errors.UndefinedObject):
                # the boundary cannot show this table any more: read it later than that, the stream repeats the rest
                self._link.rollback()
                return self._lock_at(table, None)
        return None

    def _lock_at(self, table: Table, snapshot: str | None) -> None:
        if snapshot is None:
            self._clock = server_clock(self._link.get())
        self._shared.raise_clock(self._clock)
        self._lock(table, snapshot)

    def _skipped(self, table: Table) -> EventBase:
        return table_container(table).event(
            self._clock, self._clock, skipped=True, phase=MessageSource.SNAPSHOT, index=self._index
        )
