"""Reading one table at one moment: locked against being rewritten, in batches of rows."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from psycopg2 import sql
from psycopg2.extensions import connection

from fustor_source_postgres._fast.copying import copied_elsewhere, copied_here
from fustor_source_postgres._fast.making import CollectorPaused, Row
from fustor_source_postgres._rows.lines import LineReader
from fustor_source_postgres._server.boundary import BEGIN, begin_at
from fustor_source_postgres._server.catalog import Table
from fustor_source_postgres._server.connection import fetch_one, run
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
select coalesce(pg_catalog.sum(pg_catalog.pg_table_size(coalesce(t.relid, o.oid))), 0)::bigint
  from (select %s::pg_catalog.oid as oid) o left join pg_catalog.pg_partition_tree(o.oid) t on true
"""
_PAGE_BYTES = 8 << 10
Told = TypeVar("Told")


class Rewritten(Exception):  # noqa: N818 - an ordinary race
    """The table was rewritten or emptied after the moment to read: there it looks empty, whatever it held."""


@dataclass(frozen=True, slots=True)
class Pages:
    """A range of a table's pages; `end` is None for the rest of it."""

    start: int
    end: int | None


def lock_table(conn: connection, table: Table, snapshot: str | None, lock_timeout_sec: float) -> None:
    """Begin a transaction that sees the table as it was in `snapshot`, or now, and keeps it from being rewritten.

    Raises:
        Rewritten: that came too late.
        psycopg2.Error: the table cannot be read, or its lock is not to be had in time, or the snapshot is gone.
    """
    begin_at(conn, snapshot)
    with conn.cursor() as cur:
        cur.execute(_lock_timeout(lock_timeout_sec))
        cur.execute(_lock(table))
        # pg_class tells the file of the snapshot, the function that of now
        cur.execute(_WAS_REWRITTEN, {"oid": table.oid})
        row = cur.fetchone()
        if row is None or row[0]:
            run(conn, "rollback")
            raise Rewritten


def read_rows(
    source: Source,
    conn: connection,
    reader: LineReader,
    mtime: float,
    batch_size: int,
    *,
    make: Callable[[list[Row]], Told],
    pages: Pages | None = None,
) -> Generator[Told]:
    """What `make` makes of each batch of rows of a locked table, and the end of its transaction."""
    statement = _statement(reader.table, reader.names, pages).as_string(conn)
    frames = None
    if _size(conn, reader.table, pages) >= source.params.process_bytes:
        before = _same_moment(conn, reader.table, source.params.lock_timeout_sec)
        frames = copied_elsewhere(source.address, before, statement, batch_size)
    with closing(frames or copied_here(conn, statement, batch_size)) as found:
        for frame in found:
            with CollectorPaused():
                told = make(reader.rows(frame, mtime))
            yield told
            del told  # else it would live beside the next
    run(conn, "commit")


def _size(conn: connection, table: Table, pages: Pages | None) -> int:
    if pages is not None and pages.end is not None:
        return (pages.end - pages.start) * _PAGE_BYTES
    with conn.cursor() as cur:
        cur.execute(_SIZE, (table.oid,))
        return int(fetch_one(cur)[0])


def _same_moment(conn: connection, table: Table, lock_timeout_sec: float) -> list[str]:
    """Statements that make another connection see what the transaction of `conn` sees, with the table's lock."""
    with conn.cursor() as cur:
        cur.execute("select pg_catalog.pg_export_snapshot()")
        snapshot = sql.Literal(fetch_one(cur)[0])
    return [
        BEGIN,
        sql.SQL("set transaction snapshot {}").format(snapshot).as_string(conn),
        _lock_timeout(lock_timeout_sec),
        _lock(table).as_string(conn),
    ]


def _lock_timeout(seconds: float) -> str:
    return f"set local lock_timeout = {int(seconds * 1000)}"


def _lock(table: Table) -> sql.Composed:
    only = sql.SQL("" if table.is_partitioned else "ONLY ")
    return sql.SQL("LOCK TABLE {}{} IN ACCESS SHARE MODE").format(only, sql.Identifier(table.schema, table.name))


def _statement(table: Table, names: tuple[str, ...], pages: Pages | None) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    name = sql.Identifier(table.schema, table.name)
    if table.is_partitioned or pages is not None:
        only = sql.SQL("" if table.is_partitioned else "ONLY ")
        what = sql.SQL("(SELECT {} FROM {}{}{})").format(columns, only, name, _range(pages))
    else:
        what = sql.SQL("{} ({})").format(name, columns)
    return sql.SQL("COPY {} TO STDOUT WITH (FORMAT text, NULL E'\\x0b', ENCODING 'UTF8')").format(what)


def _range(pages: Pages | None) -> sql.Composed:
    if pages is None:
        return sql.Composed([])
    start = sql.SQL(" WHERE ctid >= {}").format(sql.Literal(f"({pages.start},0)"))
    if pages.end is None:
        return start
    return start + sql.SQL(" AND ctid < {}").format(sql.Literal(f"({pages.end},0)"))
