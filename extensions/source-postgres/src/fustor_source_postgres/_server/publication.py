"""The publication: which tables' changes the server puts into the stream."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError, DriverError
from fustor_source_postgres._server.catalog import Table
from fustor_source_postgres._server.connection import clean, fetch_all, fetch_first, run

SHARED_NAME = "fustor"
"""A publication that an administrator made for every source of the database."""
_log = logging.getLogger(__name__)
_LOOK_UP = """
select oid, xmin::pg_catalog.text, puballtables, pubinsert and pubupdate and pubdelete and pubtruncate, pubviaroot
  from pg_catalog.pg_publication where pubname = %s
"""
# the view of a publication's tables locks each of them
_MEMBERS = """
select r.prrelid, r.oid, {columns}, {is_filtered} from pg_catalog.pg_publication_rel r where r.prpubid = %s
"""
_COLUMNS = """
case when r.prattrs is not null then
     array(select a.attname::pg_catalog.text from pg_catalog.pg_attribute a
            where a.attrelid = r.prrelid and a.attnum = any(r.prattrs::pg_catalog.int2[])) end
"""
_SCHEMAS = """
select n.nspname from pg_catalog.pg_publication_namespace p join pg_catalog.pg_namespace n on n.oid = p.pnnspid
 where p.pnpubid = %s
"""
_FIRST_WITH_FILTERS = 150000
_LOCKED = """
select l.relation::pg_catalog.regclass::pg_catalog.text, l.pid
  from pg_catalog.pg_locks l
 where l.locktype = 'relation' and l.granted and l.relation = any(%s) and l.pid <> pg_catalog.pg_backend_pid()
   and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                  'AccessExclusiveLock')
"""


class GapError(DriverError):
    """The publication did not carry every change that belongs into the stream: only a new snapshot can help."""


@dataclass(frozen=True, slots=True)
class Member:
    """One table that a publication names, by `entry`. `columns` are those it publishes, None for all."""

    entry: int
    columns: frozenset[str] | None
    is_filtered: bool


@dataclass(frozen=True, slots=True)
class Publication:
    """What a publication carries. `version` changes with its options, and when it is made again."""

    name: str
    version: tuple[int, str]
    has_all_tables: bool
    has_all_operations: bool
    is_via_root: bool
    schemas: frozenset[str]
    members: dict[int, Member]

    def lacks(self, table: Table) -> bool:
        """Whether changes of a table are not carried at all."""
        return not (self.has_all_tables or table.schema in self.schemas or table.oid in self.members)

    def has_lost(self, before: Publication, table: Table) -> bool:
        """Whether changes of a table have been left out since the publication was like `before`."""
        if before.lacks(table) or self.lacks(table):
            return not before.lacks(table)
        now, then = self._member(table), before._member(table)
        return now is not None and then is not None and now.entry != then.entry

    def _member(self, table: Table) -> Member | None:
        """What carries a table by its name, where that is all that carries it."""
        return None if self.has_all_tables or table.schema in self.schemas else self.members.get(table.oid)

    def require_whole(self, tables: list[Table]) -> None:
        """Raise a ConfigError unless every change of those of `tables` that are carried is carried whole."""
        self._require_options()
        named = [(table, member) for table in tables if (member := self._member(table)) is not None]
        filtered = [table.qualified for table, member in named if member.is_filtered]
        if filtered:
            raise ConfigError(
                f"Publication {self.name!r} publishes only some rows of {filtered!r}, a snapshot has all of them; "
                "publish these tables without WHERE"
            )
        for table, member in named:
            wanted = {*(column.name for column in table.columns), *table.key}
            left_out = sorted(wanted - member.columns) if member.columns is not None else []
            if left_out:
                raise ConfigError(
                    f"Publication {self.name!r} does not publish the columns {left_out!r} of {table.qualified!r}, "
                    "a snapshot has them; publish the table without a list of columns, or choose the same `columns`"
                )

    def _require_options(self) -> None:
        if not self.has_all_operations:
            raise ConfigError(
                f"Publication {self.name!r} leaves out some operations; run "
                f"`ALTER PUBLICATION {self.name} SET (publish = 'insert, update, delete, truncate')`"
            )
        if not self.is_via_root:
            raise ConfigError(
                f"Publication {self.name!r} publishes changes as those of partitions, not of their root; run "
                f"`ALTER PUBLICATION {self.name} SET (publish_via_partition_root = true)`"
            )


def find_publication(conn: connection, name: str) -> Publication | None:
    """The publication as it is; no table is locked."""
    has_filters = conn.server_version >= _FIRST_WITH_FILTERS
    query = _MEMBERS.format(
        columns=_COLUMNS if has_filters else "null", is_filtered="r.prqual is not null" if has_filters else "false"
    )
    found = fetch_first(conn, _LOOK_UP, (name,))
    if found is None:
        return None
    oid, version, has_all_tables, has_all_operations, is_via_root = found
    members = {
        table: Member(entry, None if columns is None else frozenset(columns), is_filtered)
        for table, entry, columns, is_filtered in fetch_all(conn, query, (oid,))
    }
    schemas = frozenset(schema for (schema,) in fetch_all(conn, _SCHEMAS, (oid,))) if has_filters else frozenset()
    return Publication(name, (oid, version), has_all_tables, has_all_operations, is_via_root, schemas, members)


def ensure_publication(conn: connection, name: str, tables: list[Table], lock_timeout_sec: float) -> None:
    """Make the publication `name` carry every change of `tables`: create it, or add what it lacks.

    Tables that it carries beside them stay; the stream drops their changes.

    Raises:
        ConfigError: this user may not do that, or the publication was made so that changes would be missing. The
            message holds the statement to run.
        LockNotAvailable: a table is locked; the message names it.
    """
    run(conn, f"set lock_timeout = {int(lock_timeout_sec * 1000)}")
    found = find_publication(conn, name)
    if found is None:
        _change(conn, carrying(None, name, tables), tables)
        return
    found.require_whole(tables)
    missing = [table for table in tables if found.lacks(table)]
    if missing:
        _log.info("Publication %s gains %s", name, [table.qualified for table in missing])
        _change(conn, carrying(found, name, missing), missing)


def carrying(found: Publication | None, name: str, tables: list[Table]) -> sql.Composed:
    """The statement that makes a publication carry `tables`: creates it, or adds them to the one that is there."""
    names = sql.SQL(", ").join(table.identifier for table in tables)
    if found is not None:
        return sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(sql.Identifier(name), names)
    members = sql.SQL("FOR TABLE {} ").format(names) if tables else sql.SQL("")
    return sql.SQL("CREATE PUBLICATION {} {}WITH (publish_via_partition_root = true)").format(
        sql.Identifier(name), members
    )


def publication_for(conn: connection, configured: str | None, slot: str) -> str:
    """The publication to use: the configured one, the source's own, or the shared one where only that exists."""
    if configured is None and not publication_exists(conn, slot) and publication_exists(conn, SHARED_NAME):
        return SHARED_NAME
    return configured or slot


def publication_exists(conn: connection, name: str) -> bool:
    """Whether some stream has made, or somebody has given, the publication."""
    return fetch_first(conn, _LOOK_UP, (name,)) is not None


def _change(conn: connection, statement: sql.Composed, tables: list[Table]) -> None:
    try:
        run(conn, statement)
    except errors.DuplicateObject:  # another instance of this source was quicker
        return
    except errors.LockNotAvailable as err:
        raise errors.LockNotAvailable(f"{_locks(conn, tables)}: {clean(err)}") from None
    except psycopg2.ProgrammingError as err:
        raise ConfigError(
            f"This user may not change the publication; run as its owner: {statement.as_string(conn)}"
        ) from err


def _locks(conn: connection, tables: list[Table]) -> str:
    locks = fetch_all(conn, _LOCKED, ([table.oid for table in tables],))
    found = [f"table {table} is locked by process {pid}" for table, pid in locks]
    return "; ".join(found) or f"one of the tables {[table.qualified for table in tables]!r} is locked"
