"""Cheap signs that a table has changed: the server's counters of changed rows, and the files that hold the table."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2.extensions import connection

from fustor_source_postgres._server.catalog import Table

_LOOK_UP = """
select o.oid::bigint,
       coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(p.oid)
                               + pg_catalog.pg_stat_get_tuples_updated(p.oid)
                               + pg_catalog.pg_stat_get_tuples_deleted(p.oid)), 0)::bigint,
       pg_catalog.array_agg(pg_catalog.pg_relation_filenode(p.oid)::bigint order by p.oid),
       pg_catalog.current_setting('track_counts')::boolean
  from pg_catalog.unnest(%s::pg_catalog.oid[]) o(oid)
  cross join lateral (select coalesce(t.relid::pg_catalog.oid, o.oid) from (select) one
                        left join pg_catalog.pg_partition_tree(o.oid) t on t.isleaf) p(oid)
 group by o.oid
"""


@dataclass(frozen=True, slots=True)
class Stamps:
    """What a table showed when it was looked at. Counters reach the server's statistics a little late."""

    changes: int
    files: tuple[int | None, ...]


def read_stamps(conn: connection, tables: list[Table]) -> dict[int, Stamps]:
    """Stamps by table's oid; without those whose changes the server does not count."""
    with conn.cursor() as cur:
        cur.execute(_LOOK_UP, ([table.oid for table in tables],))
        return {oid: Stamps(changes, tuple(files)) for oid, changes, files, counted in cur if counted}
