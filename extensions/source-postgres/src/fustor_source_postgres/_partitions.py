"""Partitions of a snapshot: ranges of pages, all seen at one moment, that several processes can read at once."""

from __future__ import annotations

from psycopg2.extensions import connection
from pydantic import BaseModel, ConfigDict

from fustor_source_postgres._server.boundary import Boundary
from fustor_source_postgres._server.catalog import Table
from fustor_source_postgres._tables import Pages

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
