"""The audit: every container of the source, its rows before it, so that a consumer finds what no event has brought."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Iterator
from itertools import groupby

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError
from fustor_event_model import AuditItem, EventBase, LifecycleSignal, MessageSource, TableLayout, audit_signal
from fustor_source_postgres._rows.shape import (
    AUDIT_FIELDS,
    NO_SCHEMA,
    ROOT,
    Container,
    Row,
    rows_event,
    schema_container,
    table_container,
)
from fustor_source_postgres._server.boundary import contains, server_clock
from fustor_source_postgres._server.catalog import Table, require_tables
from fustor_source_postgres._server.connection import fetch_one, is_transient
from fustor_source_postgres._server.patience import Patience, Stop, Stopped
from fustor_source_postgres._server.publication import ensure_publication, publication_exists
from fustor_source_postgres._source import Source
from fustor_source_postgres._tables import Rewritten, TableReader

_log = logging.getLogger(__name__)
_VISIBLE_SEC = 10.0
_REWRITE_ATTEMPTS = 3
_Pair = tuple[EventBase, dict[str, float]]
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


class Auditor(TableReader):
    """One audit. `cache` is the host's, in the dialect of agent 0.8; None in the guide's, where all is listed."""

    def __init__(
        self, source: Source, patience: Patience, stop: Stop, batch_size: int, cache: dict[str, float] | None
    ) -> None:
        super().__init__(source, patience, stop, batch_size)
        self._memory = source.shared.memory
        self._cache = cache
        self._number = 0
        self._type_stamp = ""

    def items(self) -> Iterator[AuditItem]:
        """What the host's dialect asks for. Stopped before its end, an audit just ends, without an Audit-End.

        Raises:
            DriverError: the server cannot be read any more.
        """
        has_signals = self._cache is None
        if has_signals:
            yield audit_signal(LifecycleSignal.AUDIT_START, NO_SCHEMA)
        try:
            for event, mtimes in self._walk():
                yield event if has_signals else (event, mtimes)
        except Stopped:
            return
        finally:
            self._link.close()
        if has_signals:
            yield audit_signal(LifecycleSignal.AUDIT_END, NO_SCHEMA)

    def _walk(self) -> Iterator[_Pair]:
        tables = self._patience.keep_trying(self._list_tables)
        self._estimate(tables)
        self._number = self._memory.begin(self._shared.touches)
        clock = self._patience.keep_trying(lambda: server_clock(self._link.get()))
        self._type_stamp = self._patience.keep_trying(lambda: read_types(self._link.get()))
        self._shared.raise_clock(clock)
        root_mtime = self._memory.mtime(ROOT.path, tuple(sorted({table.schema for table in tables})), clock)
        for schema, members in groupby(tables, lambda table: table.schema):
            yield from self._schema(schema_container(schema), list(members), clock, root_mtime)
        yield self._container(ROOT, root_mtime, root_mtime)
        self._memory.forget(self._shared.touched_since(self._memory.before))

    def _list_tables(self) -> list[Table]:
        """The tables to visit; a stream that is open follows new ones from here on."""
        conn = self._link.get()
        source = self._source
        tables = require_tables(conn, source.params)
        followed = [table for table in tables if not table.why_not_followed]
        try:
            publication = source.publication(conn)
            if publication_exists(conn, publication):
                ensure_publication(conn, publication, followed, source.params.lock_timeout_sec)
        except (ConfigError, errors.LockNotAvailable) as err:
            _log.warning("The stream does not follow every table: %s", source.address.clean(err))
        return tables

    def _schema(self, schema: Container, tables: list[Table], clock: float, root_mtime: float) -> Iterator[_Pair]:
        mtime = self._memory.mtime(schema.path, tuple(table.oid for table in tables), clock)
        for table in tables:
            yield from self._table(table, mtime)
        yield self._container(schema, mtime, root_mtime)

    def _table(self, table: Table, schema_mtime: float) -> Iterator[_Pair]:
        container = table_container(table)
        self._memory.forget(self._shared.take_forgotten())
        clock, stamps = self._patience.keep_trying(lambda: self._look(table))
        mtime = self._memory.mtime(container.path, stamps, clock)
        skipped = self._is_unchanged(container, stamps, mtime)
        if skipped:
            self._memory.keep(container.path, self._number)
        else:
            try:
                yield from self._rows(table, container, clock, mtime)
                self._memory.visit(container.path, self._number, stamps)
            except (psycopg2.Error, Rewritten, ConfigError) as err:
                _log.warning("The audit skips %s: %s", table.qualified, self._source.address.clean(err))
                self._memory.visit(container.path, self._number, None)
                self._recover(err)
                skipped = True
        yield self._container(container, mtime, schema_mtime, skipped=skipped)

    def _look(self, table: Table) -> tuple[float, Hashable]:
        conn = self._link.get()
        clock = server_clock(conn)
        return clock, read_stamps(conn, table, self._type_stamp)

    def _is_unchanged(self, container: Container, stamps: Hashable, mtime: float) -> bool:
        return (
            self._cache is not None
            and stamps is not None
            and self._number % self._source.params.full_audit_every != 0
            and self._cache.get(container.path) == mtime
            and self._memory.is_unchanged(container.path, stamps, self._number)
        )

    def _rows(self, table: Table, container: Container, clock: float, mtime: float) -> Iterator[_Pair]:
        if not table.key:
            raise ConfigError("it has no primary key; name its `key_columns` or `exclude` it")
        self._lock_after_the_stream(table)
        self._shared.raise_clock(clock)

        def make(layout: TableLayout, rows: list[Row]) -> _Pair:
            for row in rows:
                row["parent_path"], row["parent_mtime"] = container.path, mtime
            event = rows_event(table, MessageSource.AUDIT, layout, rows, fields=AUDIT_FIELDS, index=-1)
            return event, {}

        return self._read(table, clock, make)

    def _lock_after_the_stream(self, table: Table) -> None:
        """Begin to read a moment that contains all that the stream has sent."""
        deadline = time.monotonic() + _VISIBLE_SEC
        attempts = _REWRITE_ATTEMPTS
        while time.monotonic() < deadline:
            self._stop.check()
            try:
                self._lock(table, None)
            except Rewritten:
                attempts -= 1
                if not attempts:
                    raise
                continue
            if contains(self._link.get(), self._shared.sent_transactions()):
                return
            self._link.rollback()
        raise ConfigError("Commits that were streamed stay invisible; see whether a synchronous standby is missing")

    def _recover(self, err: Exception) -> None:
        if isinstance(err, psycopg2.Error) and is_transient(err):
            self._link.close()
        else:
            self._link.rollback()

    def _container(self, container: Container, mtime: float, parent_mtime: float, *, skipped: bool = False) -> _Pair:
        event = container.event(mtime, parent_mtime, skipped=skipped, phase=MessageSource.AUDIT, index=-1)
        return event, {} if skipped else {container.path: mtime}


def read_stamps(conn: connection, table: Table, types: str) -> Hashable:
    """What changes with what a table holds; None where the server does not count changes, or the table is gone.

    Counters reach the server's statistics a little late. `types` is the stamp of all types that are no part of
    PostgreSQL; it counts where the table has a value of such a type.
    """
    started, changes, files, columns, is_counted = fetch_one(conn, _LOOK_UP, {"oid": table.oid})
    if not is_counted or not columns:
        return None
    made = any(column.type_oid >= _FIRST_OF_USERS for column in table.columns)
    return started, changes, tuple(files), tuple(columns), table.key, types if made else None


def read_types(conn: connection) -> str:
    """A digest that changes with every change to a type that alters the texts of values that are there."""
    return str(fetch_one(conn, _TYPES, {"first": _FIRST_OF_USERS})[0])
