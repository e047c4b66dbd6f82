"""Cheap signs that a table has changed: the server's counters of rows, the files that hold the table, and its form."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2.extensions import connection

from fustor_source_postgres._server.catalog import Table
from fustor_source_postgres._server.sql import fetch_one

_LOOK_UP = """
select pg_catalog.pg_postmaster_start_time()::pg_catalog.text,
       coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(p.oid)
                               + pg_catalog.pg_stat_get_tuples_updated(p.oid)
                               + pg_catalog.pg_stat_get_tuples_deleted(p.oid)), 0)::bigint,
       pg_catalog.array_agg(pg_catalog.pg_relation_filenode(p.oid)::bigint order by p.oid),
       array(select pg_catalog.concat_ws(' ', a.attnum, a.atttypid, a.attname) from pg_catalog.pg_attribute a
              where a.attrelid = %(oid)s and a.attnum > 0 and not a.attisdropped order by a.attnum),
       pg_catalog.current_setting('track_counts')::boolean
  from (select coalesce(t.relid::pg_catalog.oid, o.oid) from (select %(oid)s::pg_catalog.oid) o(oid)
          left join pg_catalog.pg_partition_tree(o.oid) t on t.isleaf) p(oid)
"""
# what the texts of values depend on, of types that somebody made: labels of enums, and attributes of composite types
_TYPES = """
select pg_catalog.md5(pg_catalog.concat(
  (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', e.enumtypid, e.enumsortorder, e.enumlabel), ','
                                order by e.enumtypid, e.enumsortorder)
     from pg_catalog.pg_enum e),
  (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attrelid, a.attnum, a.atttypid, a.attisdropped), ','
                                order by a.attrelid, a.attnum)
     from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.typrelid = a.attrelid
    where a.attnum > 0 and t.oid >= %(first)s
      and exists (select from pg_catalog.pg_attribute u where u.attnum > 0 and u.atttypid in (t.oid, t.typarray)))))
"""
_FIRST_OF_USERS = 16384


@dataclass(frozen=True, slots=True)
class Stamps:
    """What a table showed when it was looked at. Counters reach the server's statistics a little late.

    `types` is that of all types that are no part of PostgreSQL, None where the table has no value of such a type.
    """

    started: str
    changes: int
    files: tuple[int | None, ...]
    columns: tuple[str, ...]
    key: tuple[str, ...]
    types: str | None


def read_stamps(conn: connection, table: Table, types: str) -> Stamps | None:
    """The stamps of a table, `types` among them; None where the server does not count changes, or the table is gone."""
    with conn.cursor() as cur:
        cur.execute(_LOOK_UP, {"oid": table.oid})
        started, changes, files, columns, is_counted = fetch_one(cur)
    if not is_counted or not columns:
        return None
    made = any(column.type_oid >= _FIRST_OF_USERS for column in table.columns)
    return Stamps(started, changes, tuple(files), tuple(columns), table.key, types if made else None)


def read_types(conn: connection) -> str:
    """A digest that changes with every change to a type that alters the texts of values that are there."""
    with conn.cursor() as cur:
        cur.execute(_TYPES, {"first": _FIRST_OF_USERS})
        return str(fetch_one(cur)[0])
