"""What a database holds, read without the drivers: every row of every table with a key, each value as text."""

from __future__ import annotations

import io
import json
import re
from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import STRINGARRAY, connection

_TABLES = """
select n.nspname, c.relname, c.relkind = 'p',
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
                and not a.attisdropped and a.attgenerated = '' order by a.attnum),
       array(select a.attname::text from pg_index i, unnest(i.indkey::int2[]) with ordinality k(num, pos)
               join pg_attribute a on a.attnum = k.num
              where i.indrelid = c.oid and a.attrelid = c.oid and i.indisprimary and i.indimmediate
                and k.pos <= i.indnkeyatts order by k.pos)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
_FORMS = """
select n.nspname, c.relname, c.oid, c.relreplident in ('d', 'f') or exists (
         select from pg_index i join pg_index k on k.indrelid = i.indrelid and k.indisprimary
          where i.indrelid = c.oid and i.indisreplident and c.relreplident = 'i'
            and i.indkey::int2[] @> k.indkey::int2[] and i.indkey::int2[] <@ k.indkey::int2[]),
       (select string_agg(concat_ws(' ', a.attnum, a.atttypid, a.attname), ',' order by a.attnum) from pg_attribute a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
UNEXPLAINED = "nothing that explains it"
_SETTINGS = (
    "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c extra_float_digits=1 -c bytea_output=hex"
    " -c lc_monetary=C -c search_path="
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_DOTS = {".": "%2E", "..": "%2E%2E"}
Rows = dict[str, dict[str, str | None]]


def read_truth(dsn: str) -> tuple[Rows, int]:
    """Rows by path, and the number of tables that have them or could."""
    conn = psycopg2.connect(dsn, options=_SETTINGS)
    conn.set_client_encoding("UTF8")
    rows: Rows = {}
    with conn, conn.cursor() as cur:
        cur.execute(_TABLES)
        tables = [table for table in cur.fetchall() if table[4] and set(table[4]) <= set(table[3])]
        for schema, name, partitioned, names, key in tables:
            rows |= _rows(conn, sql.Identifier(schema, name), names, key, partitioned=partitioned)
    conn.close()
    return rows, len(tables)


def _rows(conn: connection, table: sql.Identifier, names: list[str], key: list[str], *, partitioned: bool) -> Rows:
    only = sql.SQL("" if partitioned else "only ")
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    query = sql.SQL("copy (select {} from {}{}) to stdout").format(columns, only, table)
    written = io.BytesIO()  # a text file would make line ends of what is data
    with conn.cursor() as cur:
        cur.copy_expert(query, written)
    lines = written.getvalue().decode().split("\n")[:-1]
    records = [dict(zip(names, map(_field, line.split("\t")), strict=True)) for line in lines]
    place = "/".join(map(_part, table.strings))
    return {f"/{place}/{_key(record, key)}": record for record in records}


def _field(text: str) -> str | None:
    return None if text == "\\N" else _ESCAPE.sub(lambda found: _MEANING.get(found[1], found[1]), text)


def _part(name: str) -> str:
    return _DOTS.get(name, quote(name, safe=""))


def _key(record: dict[str, str | None], key: list[str]) -> str:
    name = ",".join(quote(str(record[column]), safe="") for column in key)
    return _DOTS.get(name, name) or "%FF"


class Form(NamedTuple):
    """A table's own number, whether its replica identity names its key, and its columns."""

    oid: int
    is_followed: bool
    columns: str


def read_forms(dsn: str) -> dict[str, Form]:
    """The form of each table, by the path of the table."""
    with psycopg2.connect(dsn) as conn, conn.cursor() as cur:
        cur.execute(_FORMS)
        found = {f"/{_part(schema)}/{_part(table)}": Form(*form) for schema, table, *form in cur}
    conn.close()
    return found


def explain(difference: str, before: dict[str, Form], after: dict[str, Form]) -> str:
    """Why an audit alone finds this, by the list in the documentation of the source; or that nothing explains it."""
    table = re.findall(r"/[^/ ]*", difference)[:2]
    path = "".join(table)
    if path not in after:
        return "a table that was dropped, renamed or moved"
    if path not in before or before[path].oid != after[path].oid:
        return "a table that is new"
    if not after[path].is_followed:
        return "a table whose replica identity does not name its key"
    if before[path].columns != after[path].columns:
        return "columns that were added, dropped, renamed or given another type"
    return UNEXPLAINED


def differences(truth: Rows, told: dict[str, dict[str, Any]]) -> list[str]:
    """Each row that is missing, that is too many, or that has another value, in words."""
    found = [f"missing {path}" for path in truth.keys() - told.keys()]
    found += [f"too many {path}" for path in told.keys() - truth.keys()]
    for path in truth.keys() & told.keys():
        expected, record = truth[path], told[path]
        if expected.keys() != record.keys():
            found.append(f"columns {path}: {sorted(expected)} told as {sorted(record)}")
            continue
        found += [
            f"value {path} {name}: {text!r} told as {record[name]!r}"
            for name, text in expected.items()
            if not is_same(text, record[name])
        ]
    return found


def is_same(text: str | None, value: Any) -> bool:
    """Whether a value of an event is what the server prints as `text`."""
    if text is None or value is None:
        return text is None and value is None
    if isinstance(value, bool):
        return text in ({True: "true", False: "false"}[value], {True: "t", False: "f"}[value])
    if isinstance(value, int | float):
        return float(text) == float(value)
    if isinstance(value, str):
        return text == value or _document(text) == value
    if isinstance(value, list) and _array_is_same(text, value):
        return True
    return _loosely(_document(text)) == _loosely(value)


def _array_is_same(text: str, value: list[Any]) -> bool:
    body = text.partition("=")[2] if text.startswith("[") else text  # bounds stand in front
    if not body.startswith("{"):
        return False
    try:
        elements = STRINGARRAY(body, None)
    except psycopg2.Error:
        return False
    return len(elements) == len(value) and all(map(_element_is_same, elements, value))


def _element_is_same(text: Any, value: Any) -> bool:
    if isinstance(text, list) and isinstance(value, list):
        return len(text) == len(value) and all(map(_element_is_same, text, value))
    return not isinstance(text, list) and is_same(text, value)


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _loosely(document: Any) -> Any:
    """Numbers that a double cannot hold are told as text."""
    if isinstance(document, dict):
        return {name: _loosely(value) for name, value in document.items()}
    if isinstance(document, list):
        return [_loosely(value) for value in document]
    return float(document) if isinstance(document, int | float) and not isinstance(document, bool) else document
