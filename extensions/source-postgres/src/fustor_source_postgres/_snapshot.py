"""The snapshot: every row of every chosen table once, at the boundary from which the stream goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection
from pydantic import BaseModel, ConfigDict

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType, MessageSource, TableLayout
from fustor_source_postgres._fast.making import Row
from fustor_source_postgres._rows.lines import LineReader
from fustor_source_postgres._rows.shape import ROW_FIELDS, make_event, table_container
from fustor_source_postgres._rows.types import Types
from fustor_source_postgres._server.boundary import Boundary, server_clock
from fustor_source_postgres._server.catalog import Table, load_tables, require_keys, require_tables
from fustor_source_postgres._server.connection import is_final, is_transient, run
from fustor_source_postgres._server.patience import Patience, Stop, Stopped
from fustor_source_postgres._source import Source
from fustor_source_postgres._tables import Pages, Rewritten, lock_table, read_rows

_PAGES = """
select coalesce(pg_catalog.sum(pg_catalog.pg_relation_size(coalesce(t.relid, o.oid))), 0)::bigint
       / pg_catalog.current_setting('block_size')::bigint
  from (select %s::pg_catalog.oid as oid) o left join pg_catalog.pg_partition_tree(o.oid) t on true
"""


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


def split(conn: connection, tables: list[Table], boundary: Boundary, n: int) -> list[Partition]:
    """About `n` partitions of about the same number of pages, disjoint and together everything.

    A partitioned table is read whole by one of them.
    """
    sizes = [(table, _pages(conn, table)) for table in tables]
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


def _pages(conn: connection, table: Table) -> int:
    with conn.cursor() as cur:
        cur.execute(_PAGES, (table.oid,))
        row = cur.fetchone()
    return int(row[0]) if row else 0


_log = logging.getLogger(__name__)
_LOCK_ATTEMPTS = 12


class SnapshotReader:
    """One pass over the chosen tables, or over one partition of them."""

    def __init__(self, source: Source, patience: Patience, stop: Stop, batch_size: int) -> None:
        self._source = source
        self._address = source.address
        self._params = source.params
        self._shared = source.shared
        self._patience = patience
        self._stop = stop
        self._batch_size = batch_size
        self._types = Types()
        self._conn: connection | None = None
        self._snapshot: str | None = None
        self._clock = 0.0
        self._index = -1
        self.rows_told = 0

    def whole(self) -> Iterator[EventBase]:
        """Everything, at the waiting boundary, or else at the moment each table is read.

        Raises:
            DriverError: stopped before the end, or the server cannot be read.
        """
        boundary = self._shared.take_boundary()
        try:
            if boundary is not None:
                self._snapshot, self._clock, self._index = boundary.snapshot, boundary.clock, boundary.index
            tables = self._try(lambda: require_tables(self._connected(), self._params))
            require_keys(tables, self._params)
            for table in tables:
                yield from self._table(table)
        finally:
            if boundary is not None:
                boundary.close()
            self._disconnect()

    def partition(self, partition: Partition) -> Iterator[EventBase]:
        """What one partition holds, at the moment that the partitions were made.

        Raises:
            DriverError: stopped before the end, or that moment cannot be seen any more.
        """
        self._snapshot, self._clock, self._index = partition.snapshot, partition.clock, partition.index
        self._shared.raise_clock(partition.clock)
        try:
            tables = {(table.schema, table.name): table for table in load_tables(self._connected(), self._params)}
            for part in partition.parts:
                yield from self._part(tables[part.schema_name, part.table], part)
        except (Rewritten, KeyError, psycopg2.Error) as err:
            raise DriverError(
                f"A partition of the snapshot cannot be read: {self._address.clean(err)}; ask for new partitions"
            ) from None
        finally:
            self._disconnect()

    def _part(self, table: Table, part: Part) -> Iterator[EventBase]:
        if not table.key:
            yield self._skipped(table)
            return
        lock_table(self._connected(), table, self._snapshot, self._params.lock_timeout_sec)
        yield from self._rows(table, part.pages)

    def _table(self, table: Table) -> Iterator[EventBase]:
        """One table, from its start again after every fault that passes; marked where it cannot be read."""
        if not table.key:
            yield self._skipped(table)
            return
        while True:
            try:
                self._lock(table)
                told = self.rows_told
                yield from self._rows(table)
                _log.info("Snapshot of %s: %d rows", table.qualified, self.rows_told - told)
                self._patience.reset()
            except errors.UndefinedTable:
                self._rollback()  # dropped since the tables were listed: it holds nothing
            except psycopg2.Error as err:
                if is_transient(err) and not is_final(err) and not isinstance(err, errors.LockNotAvailable):
                    self._disconnect()
                    self._wait(err)
                    continue
                _log.warning("Snapshot skips %s: %s", table.qualified, self._address.clean(err))
                self._rollback()
                yield self._skipped(table)
            return

    def _rows(self, table: Table, pages: Pages | None = None) -> Iterator[EventBase]:
        """The rows of a locked table."""
        conn = self._connected()
        reader = LineReader(conn, table, self._types)
        make = partial(self._event, table, reader.layout)
        rows_read = read_rows(self._source, conn, reader, self._clock, self._batch_size, make=make, pages=pages)
        with closing(rows_read) as events:
            yield from events

    def _lock(self, table: Table) -> None:
        for attempt in range(_LOCK_ATTEMPTS):
            self._check_stop()
            try:
                return self._lock_at(table, self._snapshot)
            except errors.LockNotAvailable:
                self._rollback()
                if attempt == _LOCK_ATTEMPTS - 1:
                    raise
            except (Rewritten, errors.InvalidParameterValue, errors.UndefinedObject):
                # the boundary cannot show this table any more: read it later than that, the stream repeats the rest
                self._rollback()
                return self._lock_at(table, None)
        return None

    def _lock_at(self, table: Table, snapshot: str | None) -> None:
        conn = self._connected()
        if snapshot is None:
            self._clock = server_clock(conn)
        self._shared.raise_clock(self._clock)
        lock_table(conn, table, snapshot, self._params.lock_timeout_sec)

    def _event(self, table: Table, layout: TableLayout, rows: list[Row]) -> EventBase:
        self._check_stop()
        self.rows_told += len(rows)
        return make_event(
            EventType.UPDATE,
            MessageSource.SNAPSHOT,
            table.schema,
            table.name,
            fields=ROW_FIELDS,
            rows=rows,
            index=self._index,
            layout=layout,
        )

    def _skipped(self, table: Table) -> EventBase:
        return table_container(table).event(
            self._clock, self._clock, skipped=True, phase=MessageSource.SNAPSHOT, index=self._index
        )

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise DriverError("The snapshot was stopped before its end; take a new one")

    def _connected(self) -> connection:
        if self._conn is None or self._conn.closed:
            self._conn = self._address.connect()
        return self._conn

    def _disconnect(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def _rollback(self) -> None:
        if self._conn is not None and not self._conn.closed:
            run(self._conn, "rollback")

    def _try(self, action: Callable[[], list[Table]]) -> list[Table]:
        try:
            return self._patience.keep_trying(action)
        except Stopped:
            raise DriverError("The snapshot was stopped before its end; take a new one") from None

    def _wait(self, err: psycopg2.Error) -> None:
        try:
            self._patience.wait(err)
        except Stopped:
            raise DriverError("The snapshot was stopped before its end; take a new one") from None
