"""One table at one moment: locked against being rewritten, and read in batches of rows; for every phase that reads."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from psycopg2 import sql
from psycopg2.extensions import connection

from fustor_event_model import TableLayout
from fustor_source_postgres._fast.copying import copied_elsewhere, copied_here
from fustor_source_postgres._fast.making import CollectorPaused
from fustor_source_postgres._rows.lines import LineReader
from fustor_source_postgres._rows.shape import Row
from fustor_source_postgres._rows.types import Types
from fustor_source_postgres._server.boundary import beginning_at, export_snapshot
from fustor_source_postgres._server.catalog import Table, estimate_rows
from fustor_source_postgres._server.connection import Link, fetch_one, run
from fustor_source_postgres._server.patience import Patience, Stop
from fustor_source_postgres._source import Source

_WAS_REWRITTEN = """
select pg_catalog.count(*)
         <> pg_catalog.count(*) filter (where c.relfilenode = pg_catalog.pg_relation_filenode(c.oid))
       or not exists (select from pg_catalog.pg_class where oid = %(oid)s)
  from pg_catalog.pg_partition_tree(%(oid)s) t right join (select %(oid)s::pg_catalog.oid as oid) o on true
  left join pg_catalog.pg_class c on c.oid = coalesce(t.relid, o.oid)
 where c.relkind = 'r' or c.oid is null
"""
_SIZE = """
select coalesce(pg_catalog.sum(pg_catalog.pg_table_size(coalesce(t.relid, o.oid))), 0)::bigint,
       coalesce(pg_catalog.sum(pg_catalog.pg_relation_size(coalesce(t.relid, o.oid))), 0)::bigint
       / pg_catalog.current_setting('block_size')::bigint
  from (select %s::pg_catalog.oid as oid) o left join pg_catalog.pg_partition_tree(o.oid) t on true
"""
_PAGE_BYTES = 8 << 10
Made = TypeVar("Made")


class Rewritten(Exception):  # noqa: N818 - an ordinary race
    """The table was rewritten or emptied after the moment to read: there it looks empty, whatever it held."""


@dataclass(frozen=True, slots=True)
class Pages:
    """A range of a table's pages; `end` is None for the rest of it."""

    start: int
    end: int | None


class TableReader:
    """Reads tables one after the other, over one connection that is opened again after a fault.

    `rows_sent` counts the rows that were read.
    """

    def __init__(self, source: Source, patience: Patience, stop: Stop, batch_size: int) -> None:
        self._source = source
        self._shared = source.shared
        self._patience = patience
        self._stop = stop
        self._batch_size = batch_size
        self._types = Types()
        self._link = Link(source.address)
        self.rows_sent = 0

    def _estimate(self, tables: list[Table]) -> None:
        """Note how many rows there are to read, for whoever shows how far a phase is."""
        self._shared.estimated_rows = self._patience.keep_trying(lambda: estimate_rows(self._link.get(), tables))

    def _lock(self, table: Table, snapshot: str | None) -> None:
        lock_table(self._link.get(), table, snapshot, self._source.params.lock_timeout_sec)

    def _read(
        self, table: Table, mtime: float, make: Callable[[TableLayout, list[Row]], Made], pages: Pages | None = None
    ) -> Generator[Made]:
        """What `make` makes of the layout and each batch of rows of a locked table. Raises Stopped."""
        conn = self._link.get()
        reader = LineReader(conn, table, self._types)

        def count(rows: list[Row]) -> Made:
            self._stop.check()
            self.rows_sent += len(rows)
            return make(reader.layout, rows)

        return read_rows(self._source, conn, reader, mtime, self._batch_size, make=count, pages=pages)


def lock_table(conn: connection, table: Table, snapshot: str | None, lock_timeout_sec: float) -> None:
    """Begin a transaction that sees the table as it was in `snapshot`, or now, and keeps it from being rewritten.

    Raises:
        Rewritten: that came too late.
        psycopg2.Error: the table cannot be read, or its lock cannot be acquired in time, or the snapshot is gone.
    """
    for statement in _locking(conn, table, snapshot, lock_timeout_sec):
        run(conn, statement)
    # pg_class shows the file of the snapshot, the function that of now
    (was_rewritten,) = fetch_one(conn, _WAS_REWRITTEN, {"oid": table.oid})
    if was_rewritten:
        run(conn, "rollback")
        raise Rewritten


def read_rows(
    source: Source,
    conn: connection,
    reader: LineReader,
    mtime: float,
    batch_size: int,
    *,
    make: Callable[[list[Row]], Made],
    pages: Pages | None = None,
) -> Generator[Made]:
    """What `make` makes of each batch of rows of a locked table, and the end of its transaction."""
    statement = _copy(reader.table, reader.names, pages).as_string(conn)
    frames = None
    if _size(conn, reader.table, pages) >= source.params.process_bytes:
        same_moment = _locking(conn, reader.table, export_snapshot(conn), source.params.lock_timeout_sec)
        frames = copied_elsewhere(source.address, same_moment, statement, batch_size)
    with closing(frames or copied_here(conn, statement, batch_size)) as found:
        for frame in found:
            with CollectorPaused():
                made = make(reader.rows(frame, mtime))
            yield made
            del made  # else it would live beside the next
    run(conn, "commit")


def size_of(conn: connection, table: Table) -> tuple[int, int]:
    """How large a table is with everything that belongs to it, in bytes, and how many pages its rows have."""
    size, pages = fetch_one(conn, _SIZE, (table.oid,))
    return size, pages


def copying(what: sql.Composable) -> sql.Composed:
    """The statement that copies a table or the rows of a query, in the form that `LineReader` reads."""
    return sql.SQL("COPY {} TO STDOUT WITH (FORMAT text, NULL E'\\x0b', ENCODING 'UTF8')").format(what)


def _size(conn: connection, table: Table, pages: Pages | None) -> int:
    if pages is not None and pages.end is not None:
        return (pages.end - pages.start) * _PAGE_BYTES
    return size_of(conn, table)[0]


def _locking(conn: connection, table: Table, snapshot: str | None, lock_timeout_sec: float) -> list[str]:
    """Statements that make a connection see what `snapshot` sees, with the table's lock."""
    return [
        *beginning_at(conn, snapshot),
        f"set local lock_timeout = {int(lock_timeout_sec * 1000)}",
        sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(table.own_rows).as_string(conn),
    ]


def _copy(table: Table, names: tuple[str, ...], pages: Pages | None) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    if not table.is_partitioned and pages is None:
        return copying(sql.SQL("{} ({})").format(table.identifier, columns))
    return copying(sql.SQL("(SELECT {} FROM {}{})").format(columns, table.own_rows, _range(pages)))


def _range(pages: Pages | None) -> sql.Composed:
    if pages is None:
        return sql.Composed([])
    start = sql.SQL(" WHERE ctid >= {}").format(sql.Literal(f"({pages.start},0)"))
    if pages.end is None:
        return start
    return start + sql.SQL(" AND ctid < {}").format(sql.Literal(f"({pages.end},0)"))
