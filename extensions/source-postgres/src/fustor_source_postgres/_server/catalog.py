"""What the server's catalog says of the chosen tables: their columns, their keys, and how their changes are told."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError
from fustor_source_postgres.config import PostgresParams

_TABLES = """
select c.oid, n.nspname, c.relname, c.relkind::pg_catalog.text, c.relreplident::pg_catalog.text,
       greatest(c.reltuples, 0)::bigint,
       array(select a.attname::pg_catalog.text from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              order by a.attnum),
       array(select a.atttypid::bigint from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              order by a.attnum),
       array(select a.attname::pg_catalog.text
               from pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::pg_catalog.int2[]) with ordinality k(num, pos)
               join pg_catalog.pg_attribute a on a.attnum = k.num
              where i.indrelid = c.oid and a.attrelid = c.oid and i.indisprimary and i.indimmediate
              order by k.pos),
       array(select a.attname::pg_catalog.text
               from pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::pg_catalog.int2[]) k(num)
               join pg_catalog.pg_attribute a on a.attnum = k.num
              where i.indrelid = c.oid and a.attrelid = c.oid
                and case c.relreplident when 'd' then i.indisprimary and i.indimmediate
                                        when 'i' then i.indisreplident else false end)
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by n.nspname, c.relname
"""


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
    key: tuple[str, ...]
    identity: frozenset[str]
    replica_identity: str
    is_partitioned: bool
    estimated_rows: int

    @property
    def qualified(self) -> str:
        """`schema.table`, as in configuration and messages."""
        return f"{self.schema}.{self.name}"

    @property
    def tells_its_keys(self) -> bool:
        """Whether the log names the row that an update or a delete meets."""
        return self.replica_identity == "f" or (bool(self.identity) and self.identity.issuperset(self.key))


def is_chosen(qualified: str, params: PostgresParams) -> bool:
    """Whether a table called `schema.table` is part of the source."""
    return any(fnmatchcase(qualified, pattern) for pattern in params.tables) and not any(
        fnmatchcase(qualified, pattern) for pattern in params.exclude
    )


def load_tables(conn: connection, params: PostgresParams) -> list[Table]:
    """The chosen tables by name: ordinary ones and roots of partitioned ones, without unlogged and temporary ones.

    Raises:
        ConfigError: the configuration names a column that its table does not have.
    """
    with conn.cursor() as cur:
        cur.execute(_TABLES)
        return [_table(row, params) for row in cur if is_chosen(f"{row[1]}.{row[2]}", params)]


def require_keys(tables: list[Table]) -> None:
    """Raise a ConfigError that names the tables whose rows nothing identifies."""
    nameless = [table.qualified for table in tables if not table.key]
    if nameless:
        raise ConfigError(
            f"Tables {nameless!r} have no primary key that is checked at once; name their `key_columns`, or `exclude` "
            "them"
        )


def _table(row: tuple[Any, ...], params: PostgresParams) -> Table:
    oid, schema, name, kind, replica_identity, estimate, names, types, primary, identity = row
    qualified = f"{schema}.{name}"
    wanted = params.columns.get(qualified, tuple(names))
    key = params.key_columns.get(qualified, tuple(primary))
    unknown = [column for column in (*wanted, *key) if column not in names]
    if unknown:
        raise ConfigError(f"Table {qualified!r} has no columns {unknown!r}; correct `columns` or `key_columns`")
    columns = zip(names, types, strict=True)
    return Table(
        oid=oid,
        schema=schema,
        name=name,
        columns=tuple(Column(column, type_oid) for column, type_oid in columns if column in wanted),
        all_columns=tuple(names),
        key=key,
        identity=frozenset(identity),
        replica_identity=replica_identity,
        is_partitioned=kind == "p",
        estimated_rows=estimate,
    )
