"""Which table holds what: one for every (event_schema, table) of a task, under a name that is its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_core.exceptions import ConfigError
from fustor_event_model import parent_of
from fustor_pusher_postgres._tables.columns import COLUMNS, DEFINITIONS, PUBLIC
from fustor_pusher_postgres._tables.layout import NO_LAYOUT, Layout, wider_columns
from fustor_pusher_postgres._tables.paths import (
    Key,
    Place,
    RowRefused,
    create_long,
    has_long,
    is_within,
)
from fustor_pusher_postgres._tables.schema import OWN, TABLES, qualified
from fustor_pusher_postgres._tables.state import State
from fustor_pusher_postgres._tables.types import Native

_NAME_MAX_BYTES = 63
_DIGEST_CHARS = 10
_LONG = f"{OWN}long_"
"""What the names of tables of long paths begin with."""
_LOAD = """
SELECT c.oid IS NULL, t.number, t.event_schema, t.event_table, t.relation, t.root, t.typed,
    told.names, told.types, t.layout, told.last_number,
    EXISTS (SELECT FROM pg_catalog.pg_class l
        WHERE l.relname = %(long)s || t.number::text AND l.relnamespace = c.relnamespace)
FROM {tables} t LEFT JOIN pg_catalog.pg_class c
    ON c.relname = t.relation AND c.relnamespace = pg_catalog.to_regnamespace(%(schema)s)
CROSS JOIN LATERAL (
    SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) AS names,
        pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, -1) ORDER BY a.attnum) AS types,
        (SELECT pg_catalog.max(n.attnum) FROM pg_catalog.pg_attribute n WHERE n.attrelid = c.oid) AS last_number
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attgenerated = '' AND pg_catalog.strpos(a.attname, '%%') = 0
        AND pg_catalog.left(a.attname, 1) <> '_' AND a.attname <> ALL(%(public)s)
) told
WHERE t.task = %(task)s ORDER BY t.number
"""
"""The tables of a task, with what the server knows of each."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table that events are written into."""

    schema: str
    number: int
    key: Key
    name: str
    root: str
    """A path that everything in it is at or below."""
    is_typed: bool
    columns: tuple[tuple[str, str], ...] = ()
    """Of a typed table: what the record's keys became, with their types; without a length, so that no cast cuts."""
    layout: Layout = NO_LAYOUT
    last_number: int = 0
    """Of the columns, those that were dropped included."""
    has_long: bool = False
    """Whether there is a table below it for paths that are too long for an index."""

    @property
    def relation(self) -> sql.Composable:
        """Its quoted name."""
        return qualified(self.schema, self.name)

    @property
    def long_relation(self) -> sql.Composable:
        """The quoted name of the table of its long paths."""
        return qualified(self.schema, f"{_LONG}{self.number}")

    @property
    def places(self) -> list[Place]:
        """The relations that its rows are inserted into."""
        if not self.has_long:
            return [Place(self.relation, None)]
        return [Place(self.relation, is_long=False), Place(self.long_relation, is_long=True)]

    def natives(self) -> dict[str, Native]:
        """The columns that have the type their source declared."""
        return {
            name: native
            for name, kind in self.columns
            if (native := self.layout.native(name)) is not None and native.sql == kind
        }

    def forms(self) -> dict[str, Native]:
        """The same, and the columns of arrays that are text by now: an array still has the form of one there."""
        return self.natives() | {
            name: native
            for name, kind in self.columns
            if kind == "text" and (native := self.layout.native(name)) is not None and native.sql.endswith("[]")
        }


class Tables:
    """The tables of one task, as its transaction sees them."""

    def __init__(self, cur: cursor, schema: str, state: State, tables: Iterable[Table]) -> None:
        """The tables that are known, in the transaction of this cursor."""
        self.cur = cur
        self.state = state
        self._schema = schema
        self._by_key = {table.key: table for table in tables}

    def all(self) -> list[Table]:
        """Every table."""
        return list(self._by_key.values())

    def reset(self, tables: Iterable[Table]) -> None:
        """Know these tables and no others."""
        self._by_key = {table.key: table for table in tables}

    def find(self, key: Key) -> Table | None:
        """The table of a key, if there is one."""
        return self._by_key.get(key)

    def holding(self, names: Collection[str]) -> list[Table]:
        """The tables that can hold one of these paths; `names` has every container above them as well."""
        return [table for table in self._by_key.values() if table.root in names]

    def overlapping(self, path: str) -> list[Table]:
        """The tables that can hold the path or something below it."""
        return [table for table in self.all() if is_within(table.root, path) or is_within(path, table.root)]

    def reach(self, key: Key, paths: Collection[str], *, is_typed: bool) -> Table:
        """The table of a key, made or opened so far that it can hold these paths."""
        table = self._by_key.get(key)
        if table is None:
            return self._create(key, _common(parent_of(min(paths)), parent_of(max(paths))), is_typed)
        prefix = table.root.rstrip("/") + "/"
        if min(paths).startswith(prefix) and max(paths).startswith(prefix):
            return table  # and so does everything between
        if all(path.startswith(prefix) or path == table.root for path in paths):
            return table
        wider = replace(table, root=_common(table.root, parent_of(min(paths)), parent_of(max(paths))))
        return self._note(wider, "root", wider.root)

    def put(self, table: Table) -> Table:
        """Take note of a changed table."""
        self._by_key[table.key] = table
        self.state.tables_version += 1
        return table

    def _note(self, table: Table, column: str, value: object) -> Table:
        """Take note of a changed table, also in the table of tables."""
        statement = sql.SQL("UPDATE {} SET {} = %s WHERE number = %s")
        names = qualified(self._schema, TABLES), sql.Identifier(column)
        self.cur.execute(statement.format(*names), (value, table.number))
        return self.put(table)

    def widen(self, table: Table, records: Iterable[object]) -> Table:
        """A typed table, altered so far that these records fit."""
        columns = dict(table.columns)
        wider = wider_columns(columns, records, table.natives(), table.last_number)
        try:
            return self.alter(table, wider) if wider else table
        except psycopg2.errors.FeatureNotSupported as error:  # a view or a rule uses the column
            raise RowRefused(f"Columns {[*wider]!r} of {table.name!r} cannot become {wider!r}: {error}") from error

    def alter(self, table: Table, kinds: Mapping[str, str]) -> Table:
        """A typed table whose columns have these types: missing ones are added, the others hold their values' texts."""
        columns = dict(table.columns)
        changes = []
        for name, kind in kinds.items():
            column, new = sql.Identifier(name), sql.SQL(kind)
            if name in columns:
                text = as_text(column, columns[name])
                changes.append(sql.SQL("ALTER COLUMN {0} TYPE {1} USING {2}::{1}").format(column, new, text))
            else:
                changes.append(sql.SQL("ADD COLUMN {} {}").format(column, new))
        self.cur.execute(sql.SQL("ALTER TABLE {} {}").format(table.relation, sql.SQL(", ").join(changes)))
        added = len(kinds.keys() - columns.keys())
        altered = tuple((columns | dict(kinds)).items())
        return self.put(replace(table, columns=altered, last_number=table.last_number + added))

    def lengthen(self, table: Table, paths: Collection[str]) -> Table:
        """The table, with one below it where a path is too long for an index."""
        if table.has_long or not has_long(paths):
            return table
        create_long(self.cur, table.relation, table.long_relation)
        return self.put(replace(table, has_long=True))

    def note_layout(self, table: Table, layout: Layout) -> Table:
        """A table with the layout that was declared of it."""
        return self._note(replace(table, layout=layout), "layout", layout.stored())

    def note_form(self, table: Table, *, is_typed: bool) -> Table:
        """A table whose records become columns, or do so no more."""
        return self._note(replace(table, is_typed=is_typed), "typed", is_typed)

    def _create(self, key: Key, root: str, is_typed: bool) -> Table:
        for name in _names(self.state.task, key):
            number = self._claim(key, name, root, is_typed)
            if number is not None:
                table = Table(self._schema, number, key, name, root, is_typed, last_number=len(COLUMNS))
                self.cur.execute(sql.SQL("CREATE TABLE {} (" + DEFINITIONS + ")").format(table.relation))
                return self.put(table)
        raise RuntimeError(f"no free name for {key!r}")  # two digests of one key in use by others

    def _claim(self, key: Key, name: str, root: str, is_typed: bool) -> int | None:
        """The number of the new table; None if its name is taken, by another key, task, or anyone's table."""
        relation = qualified(self._schema, name).as_string(self.cur)
        self.cur.execute("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", (relation,))
        if self.cur.fetchone() == (True,):
            return None
        insert = sql.SQL(
            "INSERT INTO {} (task, event_schema, event_table, relation, root, typed) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (relation) DO NOTHING RETURNING number"
        ).format(qualified(self._schema, TABLES))
        self.cur.execute(insert, (self.state.number, *key, name, root, is_typed))
        row = self.cur.fetchone()
        return None if row is None else int(row[0])


def load_tables(cur: cursor, schema: str, state: State) -> list[Table]:
    """The tables of a task.

    Raises:
        ConfigError: somebody dropped one; a new one in its place would lack what only a snapshot tells.
    """
    values = {
        "schema": sql.Identifier(schema).as_string(cur),
        "task": state.number,
        "public": list(PUBLIC),
        "long": _LONG,
    }
    cur.execute(sql.SQL(_LOAD).format(tables=qualified(schema, TABLES)), values)
    return [_table_of(schema, row) for row in cur.fetchall()]


def _table_of(schema: str, row: tuple[Any, ...]) -> Table:
    """The table that a row of `_LOAD` describes. Raises ConfigError if it is gone."""
    is_gone, number, event_schema, table, name, root, typed, names, types, layout, last_number, is_split = row
    if is_gone:
        raise ConfigError(
            f"Table {name!r} of {event_schema!r} and {table!r} is gone from schema {schema!r};"
            " bring it back, or drop the schema to begin anew"
        )
    columns = tuple(zip(names or (), types or (), strict=True)) if typed else ()
    read = Layout.read(layout)
    return Table(schema, number, (event_schema, table), name, root, typed, columns, read, last_number, is_split)


def as_text(column: sql.Composable, kind: str) -> sql.Composable:
    """The texts of a column's values as the server prints them; a cast would cut the blanks of a `char`."""
    if kind in ("text", "boolean"):
        return sql.SQL("{}::pg_catalog.text").format(column)
    return sql.SQL("CASE WHEN {0} IS NOT NULL THEN pg_catalog.concat({0}) END").format(column)


def value_of(record: str, key: str, kind: str) -> sql.Composable:
    """What a column of this type gets out of a record."""
    form = "NULLIF({} -> {}, 'null'::pg_catalog.jsonb)" if kind == "jsonb" else "({} ->> {})::{}"
    return sql.SQL(form).format(sql.SQL(record), sql.Literal(key), sql.SQL(kind))


def _common(*paths: str) -> str:
    """The lowest path that all are at or below."""
    first, *others = paths
    for other in others:
        while not is_within(other, first):
            first = parent_of(first)
    return first


def _names(task: str, key: Key) -> list[str]:
    """Names for a table, the plainest first; the others carry a digest of what it is for."""
    plain = re.sub(r"[^a-z0-9_]", "_", "_".join(part for part in key if part).lower()) or "root"
    digest = hashlib.sha256("\0".join((task, *key)).encode("utf-8", "surrogatepass")).hexdigest()
    marked = [f"{plain[: _NAME_MAX_BYTES - length - 1]}_{digest[:length]}" for length in (_DIGEST_CHARS, 40)]
    is_free = len(plain) <= _NAME_MAX_BYTES and not plain.startswith(OWN)
    return [plain, *marked] if is_free else marked
