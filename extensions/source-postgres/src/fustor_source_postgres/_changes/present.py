"""The present values of columns that the log has left out, read from their table by the rows' keys."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace
from itertools import groupby

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._changes.relation import Relation
from fustor_source_postgres._fast.copying import copied_here
from fustor_source_postgres._rows.lines import LineReader
from fustor_source_postgres._rows.shape import Row, key_of
from fustor_source_postgres._rows.types import Types
from fustor_source_postgres._server.boundary import contains
from fustor_source_postgres._server.catalog import Table, find_table
from fustor_source_postgres._server.connection import Link, fetch_all, run
from fustor_source_postgres._server.patience import Stop, Stopped, cancelled_by
from fustor_source_postgres._source import Source
from fustor_source_postgres._tables import Rewritten, copying, lock_table

_log = logging.getLogger(__name__)
_PAUSE_SEC = 0.02
_BATCH_SIZE = 1_000
# the operator that the key's index is made for: that of another type may not use it, or not be found at all; a domain's
# own type, since a cast to the domain runs its checks, which may be anybody's functions, with the rights of this user
_KEY_TYPES = """
select a.attname::pg_catalog.text,
       (with recursive kind as (
          select a.atttypid as oid, a.atttypmod as modifier, 0 as depth
           union all
          select b.typbasetype, b.typtypmod, kind.depth + 1
            from kind join pg_catalog.pg_type b on b.oid = kind.oid where b.typtype = 'd')
        select pg_catalog.format_type(oid, modifier) from kind order by depth desc limit 1),
       coalesce((select pg_catalog.format('%%I.%%s', n.nspname, o.oprname)
                   from pg_catalog.pg_index i
                  cross join rows from (pg_catalog.unnest(i.indkey::pg_catalog.int2[]),
                                        pg_catalog.unnest(i.indclass::pg_catalog.oid[])) k(num, class)
                   join pg_catalog.pg_opclass c on c.oid = k.class
                   join pg_catalog.pg_amop m on m.amopfamily = c.opcfamily and m.amoplefttype = c.opcintype
                                            and m.amoprighttype = c.opcintype and m.amopstrategy = 3
                   join pg_catalog.pg_operator o on o.oid = m.amopopr
                   join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
                  where i.indrelid = a.attrelid and k.num = a.attnum and i.indisunique
                    and (i.indisprimary or i.indisreplident)
                  limit 1), 'pg_catalog.=')
  from pg_catalog.pg_attribute a where a.attrelid = %s and a.attname = any(%s)
"""


class Present:
    """Completes rows over a connection of its own, which lasts from the first of them on."""

    def __init__(self, source: Source, stop: Stop) -> None:
        self._source = source
        self._stop = stop
        self._link = Link(source.address)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def complete(self, relation: Relation, rows: list[Row], xids: set[int]) -> list[Row]:
        """Put what these rows of some transactions lack into them; those that are not there any more.

        Waits for the table's lock, and until the transactions are visible.

        Raises:
            psycopg2.Error: the link broke.
            Stopped: there is a reason to stop.
        """
        gone: list[Row] = []
        for columns, same in groupby(sorted(rows, key=relation.left_out), key=relation.left_out):
            found = list(same)
            for start in range(0, len(found), _BATCH_SIZE):
                gone += self._batch(relation, columns, found[start : start + _BATCH_SIZE], xids)
        return gone

    def _batch(
        self, relation: Relation, columns: tuple[tuple[str, int], ...], rows: list[Row], xids: set[int]
    ) -> list[Row]:
        conn = self._link.get()
        try:
            table = self._locked(conn, relation, xids)
            if table is None:
                return rows
            wanted = tuple(column for column in table.columns if (column.name, column.type_oid) in columns)
            with cancelled_by(self._stop, conn):
                values = _read(conn, replace(table, columns=wanted), relation, rows)
            run(conn, "commit")
        except (psycopg2.DataError, psycopg2.ProgrammingError, ConfigError) as err:
            # the table is closed, so that no other phase has more of it either; or it has another key by now
            _log.warning(
                "Long values of rows of %s whose keys have changed are left out: %s",
                relation.container,
                self._source.address.clean(err),
            )
            run(conn, "rollback")
            return []
        return [row for row in rows if not _fill(row, values.get(_name(relation, row)))]

    def _locked(self, conn: connection, relation: Relation, xids: set[int]) -> Table | None:
        """The table, locked in a transaction that sees these others; None where it has been dropped."""
        while not self._stop.is_set():
            run(conn, "rollback")
            table = find_table(conn, relation.described.oid, self._source.params)
            if table is None:
                return None
            try:
                lock_table(conn, table, None, self._source.params.lock_timeout_sec)
                if contains(conn, xids):
                    return table
            except errors.LockNotAvailable:
                _log.warning("Table %s is locked; the stream waits for it, to read long values", table.qualified)
            except (Rewritten, errors.UndefinedTable):
                pass  # changed since it was looked up
            self._stop.wait(_PAUSE_SEC)
        raise Stopped


def _read(conn: connection, table: Table, relation: Relation, rows: list[Row]) -> dict[str, Row]:
    """What the table has of these rows, by their names in it."""
    if len(table.key) != len(relation.key):
        raise ConfigError(f"The key of {table.qualified!r} has changed")
    reader = LineReader(conn, table, Types())
    statement = _statement(conn, table, reader.names, [key_of(_name(relation, row)) for row in rows])
    found: dict[str, Row] = {}
    with closing(copied_here(conn, statement, _BATCH_SIZE)) as frames:
        for frame in frames:
            found.update((row["path"].rpartition("/")[2], row) for row in reader.rows(frame, 0))
    return found


def _statement(conn: connection, table: Table, names: tuple[str, ...], keys: list[list[str | None]]) -> str:
    found = fetch_all(conn, _KEY_TYPES, (table.oid, list(table.key)))
    types = {name: (sql.SQL(kind), sql.SQL(operator)) for name, kind, operator in found}
    casts = [types[name][0] for name in table.key]
    values = sql.SQL(", ").join(sql.SQL("({})").format(_cast(key, casts)) for key in keys)
    aliases = [sql.Identifier(f"k{number}") for number in range(len(table.key))]
    same = sql.SQL(" AND ").join(
        sql.SQL("t.{} OPERATOR({}) v.{}").format(sql.Identifier(name), types[name][1], alias)
        for name, alias in zip(table.key, aliases, strict=True)
    )
    columns = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in names)
    rows = sql.SQL("(SELECT {} FROM (VALUES {}) v({}) JOIN {} t ON {})")
    return copying(rows.format(columns, values, sql.SQL(", ").join(aliases), table.own_rows, same)).as_string(conn)


def _cast(key: list[str | None], types: list[sql.SQL]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("CAST({} AS {})").format(sql.Literal(text), kind) for text, kind in zip(key, types, strict=True)
    )


def _fill(row: Row, values: Row | None) -> bool:
    """Whether the row is there; if it is, put the values into it."""
    if values is None:
        return False
    row["record"].update(values["record"])
    row["size"] += values["size"]
    return True


def _name(relation: Relation, row: Row) -> str:
    path: str = row["path"]
    return path[len(relation.container) + 1 :]
