"""A typed table is made as its source declares it; where that fails, a column stays what it is and loses nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg2 import sql

from fustor_event_model import EventBase, MessageSource
from fustor_pusher_postgres._server import is_storable
from fustor_pusher_postgres._tables.attempts import attempt
from fustor_pusher_postgres._tables.guards import (
    drop_checks,
    drop_index,
    is_indexable,
    make_checks,
    make_index,
    refusing,
)
from fustor_pusher_postgres._tables.layout import GIVEN, Layout, Room, can_be_column, wider_type
from fustor_pusher_postgres._tables.paths import Key, RowRefused, parse_row
from fustor_pusher_postgres._tables.tables import Table, Tables, as_text
from fustor_pusher_postgres._tables.types import Native
from fustor_pusher_postgres.config import PostgresParams

_log = logging.getLogger(__name__)
_ANYTHING = frozenset({"text", "character varying", "bpchar", "json", "jsonb"})
"""Types that take every text."""
_ARRAY = """
CREATE OR REPLACE FUNCTION pg_temp._fustor_array(item pg_catalog.jsonb, documents boolean, inner_one boolean)
RETURNS pg_catalog.text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF pg_catalog.jsonb_typeof(item) = 'array' AND NOT (documents AND inner_one) THEN
        RETURN '{' || coalesce((
            SELECT pg_catalog.string_agg(pg_temp._fustor_array(e.value, documents, true), ',' ORDER BY e.ordinality)
            FROM pg_catalog.jsonb_array_elements(item) WITH ORDINALITY e), '') || '}';
    ELSIF pg_catalog.jsonb_typeof(item) = 'null' THEN
        RETURN CASE WHEN inner_one THEN 'NULL' END;
    END IF;
    RETURN '"' || pg_catalog.regexp_replace(
        CASE WHEN documents THEN item::text ELSE item #>> '{}' END, '(["\\\\])', '\\\\\\1', 'g') || '"';
END $$
"""


class Declarations:
    """What layouts do to the tables of one transaction."""

    def __init__(self, params: PostgresParams, tables: Tables) -> None:
        """Alter these tables, in the present session of their task."""
        self._cur = tables.cur
        self._params = params
        self._tables = tables
        self._session = tables.state.session
        self._told: dict[Key, Layout] = {}
        """Of tables that are not there yet."""

    def declare(self, event: EventBase) -> None:
        """Make or alter the table of an event as it is declared there.

        What realtime has said in this session is younger than what the session's snapshot says.
        """
        if event.layout is None or not event.table:
            return
        is_realtime = event.message_source is MessageSource.REALTIME
        key = (event.event_schema, event.table)
        told = Layout.of(event.layout, self._session if is_realtime else None)
        table = self._tables.find(key)
        if table is None and self._params.is_typed(*key) and (paths := [*_paths(event.rows)]):
            # before its rows, so that it is there for whichever of them does not fit
            self.apply(self._tables.reach(key, paths, is_typed=True), told)
        elif table is None:
            self._told[key] = told
        elif event.message_source is not MessageSource.SNAPSHOT or table.layout.session != self._session:
            self.apply(table, told)

    def made(self, table: Table) -> Table:
        """A table that has just been made, as its layout wants it where one was declared."""
        told = self._told.get(table.key)
        return table if told is None else self.apply(table, told)

    def apply(self, table: Table, told: Layout) -> Table:
        """The table as a layout wants it, as far as all that is in it can be kept."""
        known = table.layout
        if known.says_the_same(told):
            if told.session in (None, known.session):
                return table
            return self._tables.note_layout(table, replace(known, session=told.session))
        if not table.is_typed:
            return self._tables.note_layout(table, told)
        table = self._convert(self._add(table, told), told)
        if known.key == told.key:
            told = replace(told, index=known.index)
        else:
            drop_index(self._cur, table)
        if known.labels == told.labels:
            told = replace(told, checks=known.checks)
        else:
            drop_checks(self._cur, table, known.checks or ())
        return self.guard(self._tables.note_layout(table, told))

    def guard(self, table: Table) -> Table:
        """The table with the index and the checks that the configuration asks for, and no others."""
        layout = table.layout
        if (layout.index is not None) != self._params.key_index:
            drop_index(self._cur, table)
            layout = replace(layout, index=make_index(self._cur, table) if self._params.key_index else None)
        if (layout.checks is not None) != self._params.enum_checks:
            drop_checks(self._cur, table, layout.checks or ())
            layout = replace(layout, checks=make_checks(self._cur, table) if self._params.enum_checks else None)
        return table if layout == table.layout else self._tables.note_layout(table, layout)

    def give_way(self, key: Key, record: Mapping[str, Any]) -> bool:
        """Whether what was made of a layout was changed so that a record fits that had been refused."""
        table = self._tables.find(key)
        if table is None or not table.is_typed:
            return False
        natives = table.natives()
        odd = self._misfits(natives, record)
        changes = []
        if odd:
            wider = {name: wider_type(natives[name], record[name]) for name in odd}
            otherwise = f"Columns {odd!r} of {table.name!r} cannot be widened"
            if attempt(self._cur, otherwise, self._tables.alter, table, wider):
                changes.append(f"columns {odd!r} are widened")
        layout = table.layout
        if loose := refusing(table, record):
            drop_checks(self._cur, table, loose)
            kept = tuple(name for name in layout.checks or () if name not in loose)
            layout = replace(layout, checks=kept)
            changes.append(f"the values of columns {loose!r} are checked no more")
        if not is_indexable(table, record):
            drop_index(self._cur, table)
            layout = replace(layout, index=())
            changes.append("the index of its key is dropped")
        if changes:
            _log.warning("A row does not fit into table %r: %s", table.name, ", ".join(changes))
            self._tables.note_layout(self._tables.find(key) or table, layout)
        return bool(changes)

    def _add(self, table: Table, told: Layout) -> Table:
        columns = dict(table.columns)
        room = Room(columns, table.last_number)
        missing = {
            name: native.sql
            for name in told.declared
            if name not in columns and can_be_column(name) and (native := told.native(name)) and room.take(native.sql)
        }
        return self._tables.alter(table, missing) if missing else table

    def _convert(self, table: Table, told: Layout) -> Table:
        """Give columns the declared types, where not one of their values would lose anything.

        Otherwise a column is text from then on: one of another type could cut what is to come.
        """
        wanted = self._wanted(table, told)
        if not wanted:
            return table
        self._cur.execute(_ARRAY)
        fitting = self._fitting(table, wanted)
        odd = {name: kind for name, (kind, _) in wanted.items() if name not in fitting}
        if odd:
            shown = ", ".join(f"{name!r} ({told.declared[name]})" for name in odd)
            _log.warning("Table %r has values that are not of the declared types; text instead: %s", table.name, shown)
        types = {name: wanted[name][1] for name in fitting} | {name: "text" for name in odd if odd[name] != "text"}
        changes = [
            sql.SQL("ALTER COLUMN {} TYPE {} USING {}").format(
                sql.Identifier(name), sql.SQL(new), _read(sql.Identifier(name), wanted[name][0], new)
            )
            for name, new in types.items()
        ]
        if not changes:
            return table
        statement = sql.SQL("ALTER TABLE {} {}").format(table.relation, sql.SQL(", ").join(changes))
        otherwise = f"Columns {[*types]!r} of table {table.name!r} keep their types"
        if not attempt(self._cur, otherwise, self._cur.execute, statement):
            return table
        return self._tables.put(replace(table, columns=tuple((dict(table.columns) | types).items())))

    def _wanted(self, table: Table, told: Layout) -> dict[str, tuple[str, str]]:
        """Columns that are declared otherwise than before, each with its type and the one it is to have.

        A type that somebody gave a column is left alone, and so is a length.
        """
        found: dict[str, tuple[str, str]] = {}
        for name, kind in table.columns:
            native, before = told.native(name), table.layout.native(name)
            if native is None or native.sql == kind or table.layout.declared.get(name) == told.declared[name]:
                continue
            if kind in GIVEN or (before is not None and before.sql == kind):
                found[name] = kind, native.sql
        if found:
            query = sql.SQL(
                "SELECT attname::text FROM pg_catalog.pg_attribute"
                " WHERE attrelid = {}::pg_catalog.regclass AND atttypmod <> -1"
            )
            self._cur.execute(query.format(sql.Literal(table.relation.as_string(self._cur))))
            for (name,) in self._cur.fetchall():
                found.pop(name, None)
        return found

    def _fitting(self, table: Table, wanted: Mapping[str, tuple[str, str]]) -> list[str]:
        """Columns of which every value can be read as the other type, and is the same when it is read back."""
        odd: dict[str, int] = {}
        if attempt(self._cur, None, lambda: odd.update(self._count_odd(table, wanted))):
            return [name for name in wanted if not odd[name]]
        if len(wanted) == 1:
            return []
        return [name for name in wanted if self._fitting(table, {name: wanted[name]})]

    def _count_odd(self, table: Table, wanted: Mapping[str, tuple[str, str]]) -> dict[str, int]:
        counts = []
        for name, (kind, new) in wanted.items():
            column = sql.Identifier(name)
            read = _read(column, kind, new)
            back = sql.SQL("({}::{})").format(as_text(read, new), sql.SQL("text" if kind == "jsonb" else kind))
            same = sql.SQL("{} = {}").format(as_text(back, kind), _text(column, kind))
            if new in ("json", "jsonb") or (kind == "jsonb" and new.endswith("[]")):  # other texts of the same value
                same = sql.SQL("{} IS NOT NULL").format(read)
            counts.append(sql.SQL("count(*) FILTER (WHERE {} IS NOT NULL AND NOT {})").format(column, same))
        self._cur.execute(sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(counts), table.relation))
        (found,) = self._cur.fetchall()
        return dict(zip(wanted, found, strict=True))

    def _misfits(self, natives: Mapping[str, Native], record: Mapping[str, Any]) -> list[str]:
        """Columns whose type does not take the value of a record."""
        told = [
            name
            for name, value in record.items()
            if value is not None and (native := natives.get(name)) is not None
            if native.sql not in _ANYTHING and native.takes(value)
        ]
        if not told or self._are_read(natives, record, told):
            return []
        return [name for name in told if not self._are_read(natives, record, [name])]

    def _are_read(self, natives: Mapping[str, Native], record: Mapping[str, Any], names: Sequence[str]) -> bool:
        casts = sql.SQL(", ").join([sql.SQL("%s::{}").format(sql.SQL(natives[name].sql)) for name in names])
        texts = [natives[name].text(record[name]) for name in names]
        if not all(map(is_storable, texts)):
            return len(names) == 1  # no type takes that
        return attempt(self._cur, None, self._cur.execute, sql.SQL("SELECT {}").format(casts), texts)


def _paths(rows: Iterable[object]) -> Iterator[str]:
    """The paths of rows that have one."""
    for row in rows:
        try:
            yield parse_row(row)[0]
        except RowRefused:
            continue


def _read(column: sql.Composable, kind: str, new: str) -> sql.Composable:
    """The value of a column of one type, read as another one."""
    text = _text(column, kind)
    if kind == "jsonb" and new.endswith("[]"):
        has_documents = sql.Literal(new in ("json[]", "jsonb[]"))
        text = sql.SQL("pg_temp._fustor_array({}, {}, false)").format(column, has_documents)
    elif kind == "jsonb" and new in ("json", "jsonb"):
        text = as_text(column, kind)
    return sql.SQL("({})::{}").format(text, sql.SQL(new))


def _text(column: sql.Composable, kind: str) -> sql.Composable:
    return sql.SQL("{} #>> '{{}}'").format(column) if kind == "jsonb" else as_text(column, kind)
