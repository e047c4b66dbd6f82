"""What the server's catalog says of the chosen tables: their columns, their keys, and what this user may read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._names import Pattern, in_sql, written
from fustor_source_postgres._server.connection import fetch_all, fetch_one
from fustor_source_postgres.config import PostgresParams

_log = logging.getLogger(__name__)
_KEY = """
select a.attname::pg_catalog.text
  from pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::pg_catalog.int2[]) with ordinality k(num, pos)
  join pg_catalog.pg_attribute a on a.attnum = k.num
 where i.indrelid = {of}.oid and a.attrelid = {of}.oid and {which}
   and k.pos <= i.indnkeyatts  -- what stands behind is included, and no part of the key
 order by k.pos
"""
_PRIMARY = "i.indisprimary and i.indimmediate"
_IDENTITY = f"case c.relreplident when 'd' then {_PRIMARY} when 'i' then i.indisreplident else false end"
_TABLES = """
select c.oid, n.nspname, c.relname, c.relkind::pg_catalog.text, c.relreplident::pg_catalog.text,
       array(select a.attname::pg_catalog.text from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              order by a.attnum),
       array(select a.atttypid::bigint from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              order by a.attnum),
       array({primary}),
       array({identity}),
       (select pg_catalog.jsonb_agg(array({leaf_identity}))
          from pg_catalog.pg_partition_tree(c.oid) p join pg_catalog.pg_class l on l.oid = p.relid
         where c.relkind = 'p' and p.isleaf and l.relreplident = 'i'),
       array(select a.attname::pg_catalog.text from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated <> '')
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' {condition}
 order by n.nspname, c.relname
"""
_OTHERS = """
select n.nspname, c.relname,
       case when c.relkind = 'v' then 'a view' when c.relkind = 'm' then 'a materialized view'
            when c.relkind = 'f' then 'a foreign table' when c.relkind = 'S' then 'a sequence'
            when c.relispartition then 'a partition: name its root' when c.relpersistence = 'u' then 'unlogged'
            else 'temporary' end
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by n.nspname, c.relname
"""
_ROLE = """
select rolname, rolreplication or rolsuper, rolbypassrls or rolsuper
  from pg_catalog.pg_roles where rolname = current_user
"""
# who owns a table reads it whole, unless its policies are forced on the owner as well
_RIGHTS = """
select c.oid, pg_catalog.has_schema_privilege(n.oid, 'usage'), pg_catalog.has_table_privilege(c.oid, 'select'),
       c.relrowsecurity and (c.relforcerowsecurity or not pg_catalog.pg_has_role(c.relowner, 'usage'))
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.oid = any(%s::pg_catalog.oid[])
"""
# -1 stands for never counted; a partitioned table is as large as its leaves
_ESTIMATE = """
select case when pg_catalog.min(c.reltuples) >= 0 then pg_catalog.sum(c.reltuples) end
  from pg_catalog.pg_class r
  left join pg_catalog.pg_partition_tree(r.oid) p on p.isleaf
  join pg_catalog.pg_class c on c.oid = coalesce(p.relid, r.oid) and c.relkind = 'r'
 where r.oid = any(%s::pg_catalog.oid[])
"""
_COLUMN_IDENTITIES = """
select a.attrelid, a.attname::pg_catalog.text, a.attnum, a.atttypid::bigint, a.atttypmod
  from pg_catalog.pg_attribute a
 where a.attrelid = any(%s::pg_catalog.oid[]) and a.attnum > 0 and not a.attisdropped
"""
_SHOWN_OBSTACLES = 5
_SHOWN = 3
_LIKE = 0.8


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is sent, and the type its values are read by."""

    name: str
    type_oid: int


@dataclass(frozen=True, slots=True)
class Table:
    """One chosen table. `columns` are those sent, `key` those that make a row's path."""

    oid: int
    schema: str
    name: str
    columns: tuple[Column, ...]
    all_columns: tuple[str, ...]
    generated: frozenset[str]
    key: tuple[str, ...]
    identity: frozenset[str]
    replica_identity: str
    leaf_identities: tuple[frozenset[str], ...]
    is_partitioned: bool

    @property
    def qualified(self) -> str:
        """`schema.table`, as in configuration and messages; no two tables have the same."""
        return written(self.schema, self.name)

    @property
    def identifier(self) -> sql.Identifier:
        """The table as SQL names it."""
        return sql.Identifier(self.schema, self.name)

    @property
    def own_rows(self) -> sql.Composed:
        """The table as SQL names it where all its rows are meant, and none of another that inherits from it."""
        return sql.SQL("{}{}").format(sql.SQL("" if self.is_partitioned else "ONLY "), self.identifier)

    @property
    def log_names_rows(self) -> bool:
        """Whether the log names the row that an update or a delete meets."""
        own = self.replica_identity == "f" or (bool(self.identity) and self.identity.issuperset(self.key))
        return own and all(identity.issuperset(self.key) for identity in self.leaf_identities)

    @property
    def why_not_followed(self) -> str | None:
        """Why the stream cannot follow the table, in words that say what to do; None where it can."""
        if not self.key:
            return "has no primary key that is checked at once: add one, name its `key_columns`, or `exclude` it"
        if not self.log_names_rows:
            name = in_sql(self.schema, self.name)
            return f"has changes that do not name their row: run `ALTER TABLE {name} REPLICA IDENTITY FULL`"
        return None


def load_tables(conn: connection, params: PostgresParams) -> list[Table]:
    """The chosen tables by name: ordinary ones and roots of partitioned ones, without unlogged and temporary ones.

    Raises:
        ConfigError: the configuration names a column that its table does not have.
    """
    return [_table(row, params) for row in _rows(conn) if params.chooses(row[1], row[2])]


def require_tables(conn: connection, params: PostgresParams) -> list[Table]:
    """The chosen tables, like `load_tables`, where the configuration stands for tables that are there.

    Raises:
        ConfigError: a pattern of `tables` matches no table, or nothing is chosen; and as `load_tables` does.
    """
    rows = _rows(conn)
    patterns, names = params.unmatched((row[1], row[2]) for row in rows)
    if patterns:
        raise ConfigError(f"Patterns {patterns!r} of `tables` match no table{_others(conn, patterns, rows)}")
    if names:
        raise ConfigError(f"There are no tables {names!r}; correct the names under `columns` and `key_columns`")
    tables = [_table(row, params) for row in rows if params.chooses(row[1], row[2])]
    if not tables:
        raise ConfigError("No table is chosen: `exclude` names every table that `tables` matches; correct them")
    return tables


def _rows(conn: connection, condition: str = "", arguments: tuple[int, ...] | None = None) -> list[tuple[Any, ...]]:
    query = _TABLES.format(
        primary=_KEY.format(of="c", which=_PRIMARY),
        identity=_KEY.format(of="c", which=_IDENTITY),
        leaf_identity=_KEY.format(of="l", which="i.indisreplident"),
        condition=condition,
    )
    return fetch_all(conn, query, arguments)


def _others(conn: connection, patterns: list[str], rows: list[tuple[Any, ...]]) -> str:
    """What the patterns may have meant."""
    parsed = [Pattern.parse(pattern) for pattern in patterns]
    found = [row for row in fetch_all(conn, _OTHERS) if any(one.matches(row[0], row[1]) for one in parsed)]
    if found:
        kinds = ", ".join(f"{written(schema, name)} is {kind}" for schema, name, kind in found[:_SHOWN])
        return f" that can be read: {kinds}; correct the patterns"
    names = [written(row[1], row[2]) for row in rows]
    near = [name for pattern in patterns for name in get_close_matches(pattern, names, n=1, cutoff=_LIKE)]
    return f"; did you mean {sorted(set(near))!r}?" if near else "; correct them, or make the tables first"


def estimate_rows(conn: connection, tables: list[Table]) -> int | None:
    """How many rows the tables have together, as the server last counted; None where it has not counted in one yet."""
    (rows,) = fetch_one(conn, _ESTIMATE, ([table.oid for table in tables],))
    return None if rows is None else int(rows)


def find_column_identities(conn: connection, tables: list[Table]) -> dict[tuple[int, str], tuple[int, int, int] | None]:
    """Number, type and the type's modifier (a length, a precision) of each column, by the table's oid and its name.

    None for a column that has gone since the tables were read.
    """
    found = fetch_all(conn, _COLUMN_IDENTITIES, ([table.oid for table in tables],))
    gone = dict.fromkeys((table.oid, column.name) for table in tables for column in table.columns)
    return gone | {(oid, name): (number, type_oid, modifier) for oid, name, number, type_oid, modifier in found}


def find_table(conn: connection, oid: int, params: PostgresParams) -> Table | None:
    """The table with this oid as it is today, whether its name is chosen or not; None where there is none to read."""
    found = [_table(row, params) for row in _rows(conn, "and c.oid = %s", (oid,))]
    return found[0] if found else None


def require_keys(tables: list[Table], params: PostgresParams) -> list[Table]:
    """Those whose rows have a key. A warning names others that a wildcard catches; they are marked, not read.

    Raises:
        ConfigError: the configuration names a table without a key, or no table has one.
    """
    return _only(
        tables,
        [table for table in tables if not table.key],
        params,
        "no primary key that is checked at once; name their `key_columns`, or `exclude` them",
    )


def require_identities(tables: list[Table], params: PostgresParams) -> list[Table]:
    """Those whose changes name their rows. A warning names others that a wildcard catches; they are not followed.

    Raises:
        ConfigError: the configuration names a table whose changes do not, or those of no table do.
    """
    return _only(
        tables,
        [table for table in tables if not table.log_names_rows],
        params,
        "changes that do not name their row; run `ALTER TABLE ... REPLICA IDENTITY FULL`, or `exclude` these tables",
    )


def _only(tables: list[Table], without: list[Table], params: PostgresParams, lack: str) -> list[Table]:
    named = [table for table in without if params.names(table.schema, table.name)]
    if len(without) == len(tables):  # and nothing is left
        named = without
    if named:
        raise ConfigError(f"Tables {[table.qualified for table in named]!r} have {lack}")
    if without:
        _log.warning("Tables %s are left out: they have %s", [table.qualified for table in without], lack)
    return [table for table in tables if table not in without]


def _table(row: tuple[Any, ...], params: PostgresParams) -> Table:
    oid, schema, name, kind, replica_identity, names, types, primary, identity, leaves, generated = row
    if not set(primary).issubset(names):
        primary = []  # it has a generated column, which no phase has
    wanted = params.columns_of(schema, name) or tuple(names)
    key = params.key_columns_of(schema, name) or tuple(primary)
    unknown = [column for column in (*wanted, *key) if column not in names]
    if unknown:
        named = written(schema, name)
        raise ConfigError(f"Table {named!r} has no columns {unknown!r}; correct `columns` or `key_columns`")
    columns = zip(names, types, strict=True)
    return Table(
        oid=oid,
        schema=schema,
        name=name,
        columns=tuple(Column(column, type_oid) for column, type_oid in columns if column in wanted),
        all_columns=tuple(names),
        generated=frozenset(generated),
        key=key,
        identity=frozenset(identity),
        replica_identity=replica_identity,
        leaf_identities=tuple(map(frozenset, leaves or ())),
        is_partitioned=kind == "p",
    )


def find_role(conn: connection) -> tuple[str, bool, bool]:
    """The user's name, whether it may stream, and whether it sees every row whatever policies say."""
    name, may_stream, sees_all = fetch_one(conn, _ROLE)
    return name, may_stream, sees_all


def find_obstacles(conn: connection, tables: list[Table]) -> dict[str, list[str]]:
    """What keeps this user from reading a table whole, in words that say what to run, by the table's name."""
    role, _, sees_all = find_role(conn)
    user = sql.Identifier(role).as_string(conn)
    rights = {oid: found for oid, *found in fetch_all(conn, _RIGHTS, ([table.oid for table in tables],))}
    obstacles: dict[str, list[str]] = {}
    for table in tables:
        usage, select, is_hidden = rights.get(table.oid, (True, True, False))  # dropped meanwhile: others find that
        name, schema = (part.as_string(conn) for part in (table.identifier, sql.Identifier(table.schema)))
        found = [
            "" if usage else f"its schema is closed: run `GRANT USAGE ON SCHEMA {schema} TO {user}`",
            "" if select else f"it is closed: run `GRANT SELECT ON {name} TO {user}`",
            "" if sees_all or not is_hidden else f"policies hide rows of it: run `ALTER ROLE {user} BYPASSRLS`",
        ]
        if any(found):
            obstacles[table.qualified] = [text for text in found if text]
    return obstacles


def require_rights(conn: connection, tables: list[Table]) -> None:
    """Raise a ConfigError that names the tables that this user may not read whole."""
    obstacles = find_obstacles(conn, tables)
    if obstacles:
        shown = "; ".join(f"{name!r}: {', '.join(texts)}" for name, texts in list(obstacles.items())[:_SHOWN_OBSTACLES])
        more = f"; and {len(obstacles) - _SHOWN_OBSTACLES} more" if len(obstacles) > _SHOWN_OBSTACLES else ""
        raise ConfigError(f"This user may not read every chosen table ({shown}{more}); or `exclude` them")
