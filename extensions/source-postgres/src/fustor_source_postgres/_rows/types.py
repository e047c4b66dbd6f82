"""How a value of each type becomes JSON: one converter for snapshot, audit and stream, fed with PostgreSQL's text.

Whole numbers, floats, booleans, json and arrays become what JSON has for them; everything else stays the text that the
server prints, so that nothing is lost: numeric, dates beyond year 9999, infinity, NaN, intervals, ranges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from psycopg2.extensions import connection

from fustor_source_postgres._rows.json import parse_json, parse_json_column, parse_jsonb, parse_jsonb_column
from fustor_source_postgres._server.connection import fetch_all


@dataclass(frozen=True, slots=True)
class Converter:
    """How to read one type. `text` is the meaning; `raw`, for bytes, and `column`, for many texts, are its speed.

    All give the same values.
    """

    text: Callable[[str], Any]
    raw: Callable[[bytes], Any]
    column: Callable[[list[str]], list[Any]]


def _float(text: str | bytes) -> float | str:
    value = float(text)
    if value - value == 0:
        return value
    return text if isinstance(text, str) else text.decode()  # NaN and the infinities: JSON has no number for them


def _ints(texts: list[str]) -> list[int]:
    values: list[int] = orjson.loads(f"[{','.join(texts)}]")  # up to 64 bits, and the server has no longer ones
    return values


def _floats(texts: list[str]) -> list[float | str]:
    try:
        values: list[float] = orjson.loads(f"[{','.join(texts)}]")
    except orjson.JSONDecodeError:  # NaN and the infinities
        return list(map(_float, texts))
    if 0 in values:  # it has a sign, which a whole number has not
        return list(map(_float, texts))
    return list(map(float, values))


def _scalar(read: Callable[[str], Any]) -> Converter:
    return Converter(read, lambda raw: read(raw.decode()), lambda texts: [read(text) for text in texts])


TEXT = Converter(str, bytes.decode, lambda texts: texts)
_INT = Converter(int, int, _ints)
_FLOAT = Converter(_float, _float, _floats)
_BOOL = Converter("t".__eq__, b"t".__eq__, lambda texts: [text == "t" for text in texts])
_JSON = Converter(parse_json, lambda raw: parse_json(raw.decode()), parse_json_column)
_JSONB = Converter(parse_json, parse_jsonb, parse_jsonb_column)


@dataclass(frozen=True, slots=True)
class Type:
    """What is known of one type: its name without a length, how it is read, the values of an enumeration in order."""

    name: str
    converter: Converter = TEXT
    labels: tuple[str, ...] = ()


_UNKNOWN = Type("")
_BUILT_IN = {
    16: Type("boolean", _BOOL),
    20: Type("bigint", _INT),
    21: Type("smallint", _INT),
    23: Type("integer", _INT),
    26: Type("oid", _INT),
    114: Type("json", _JSON),
    700: Type("real", _FLOAT),
    701: Type("double precision", _FLOAT),
    3802: Type("jsonb", _JSONB),
}
"""Types that no look-up is needed for, by their oids."""
PLAIN_KEYS = frozenset({20, 21, 23, 26, 2950})
"""Types whose texts need no encoding in a path: whole numbers and uuid."""
_TOKEN = re.compile(r'([{}])|"((?:[^"\\]|\\.)*)"|((?:[^{}",\\]|\\.)+)', re.DOTALL)
_TOKEN_SEMICOLON = re.compile(r'([{}])|"((?:[^"\\]|\\.)*)"|((?:[^{}";\\]|\\.)+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LOOK_UP = """
select t.oid::bigint, t.typbasetype::bigint, e.oid::bigint, e.typdelim::pg_catalog.text,
       case when n.nspname = 'pg_catalog' then pg_catalog.format_type(t.oid, -1) else n.nspname || '.' || t.typname end,
       array(select l.enumlabel::pg_catalog.text from pg_catalog.pg_enum l
              where l.enumtypid = t.oid order by l.enumsortorder)
  from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_type e on e.typarray = t.oid
 where t.oid = any(%s::pg_catalog.oid[])
"""


class Types:
    """The types of one database, each looked up once."""

    def __init__(self) -> None:
        self._known = dict(_BUILT_IN)

    def __getitem__(self, oid: int) -> Type:
        """A type that `learn` has met; any other has no name and is text."""
        return self._known.get(oid, _UNKNOWN)

    def learn(self, conn: connection, oids: Iterable[int]) -> None:
        """Look up types that are not known yet. A type that was dropped since reads as text.

        A domain is the type below it; an array is called after its elements.
        """
        missing = [oid for oid in set(oids) if oid not in self._known]
        if not missing:
            return
        found = {oid: tuple(rest) for oid, *rest in fetch_all(conn, _LOOK_UP, (missing,))}
        inner = {found[oid][0] or found[oid][1] for oid in found} - {None, 0} - self._known.keys()
        self.learn(conn, inner)
        for oid in set(missing) - self._known.keys():
            base, element, delimiter, name, labels = found.get(oid, (0, None, ",", "", ()))
            if base:
                self._known[oid] = self[base]
            elif element:
                read = partial(parse_array, element=self[element].converter.text, delimiter=delimiter)
                self._known[oid] = Type(f"{self[element].name}[]", _scalar(read))
            else:
                self._known[oid] = Type(name, labels=tuple(labels))


def parse_array(text: str, element: Callable[[str], Any], delimiter: str = ",") -> list[Any]:
    """The elements of the array `text`, each read by `element`; NULL is None, and bounds are left out.

    `delimiter` is that of the element's type: a comma for all built-in types but `box`, which has a semicolon.
    """
    token = _TOKEN if delimiter == "," else _TOKEN_SEMICOLON
    stack: list[list[Any]] = [[]]
    for brace, quoted, plain in token.findall(text, text.index("{")):
        if brace == "{":
            stack.append([])
        elif brace == "}":
            stack[-2].append(stack.pop())
        elif plain:
            stack[-1].append(None if plain.upper() == "NULL" else element(_ESCAPE.sub(r"\1", plain)))
        else:
            stack[-1].append(element(_ESCAPE.sub(r"\1", quoted)))
    outermost: list[Any] = stack[0][0]
    return outermost
