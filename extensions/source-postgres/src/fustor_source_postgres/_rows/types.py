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


@dataclass(frozen=True, slots=True)
class Converter:
    """Three ways to read one type: a text, the bytes of a text, and a list of texts. All give the same values."""

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

_BUILT_IN = {
    16: _BOOL,
    20: _INT,
    21: _INT,
    23: _INT,
    26: _INT,  # oid
    114: _JSON,
    700: _FLOAT,
    701: _FLOAT,
    3802: _JSONB,
}

_NAMES = {
    16: "boolean",
    20: "bigint",
    21: "smallint",
    23: "integer",
    26: "oid",
    114: "json",
    700: "real",
    701: "double precision",
    3802: "jsonb",
}
PLAIN_KEYS = frozenset({20, 21, 23, 26, 2950})
"""Types whose texts need no encoding in a path: whole numbers and uuid."""
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
    """The converters of one database's types, each looked up once."""

    def __init__(self) -> None:
        self._known: dict[int, Converter] = dict(_BUILT_IN)
        self._names: dict[int, str] = dict(_NAMES)
        self._labels: dict[int, tuple[str, ...]] = {}

    def __getitem__(self, oid: int) -> Converter:
        """The converter of a type that `learn` has met; of any other, text."""
        return self._known.get(oid, TEXT)

    def name(self, oid: int) -> str:
        """What a type is called, without a length; a domain by the type below it, an array by that of its elements."""
        return self._names.get(oid, "")

    def labels(self, oid: int) -> tuple[str, ...]:
        """The values of an enumerated type, in their order; of any other type none."""
        return self._labels.get(oid, ())

    def lacks(self, oids: Iterable[int]) -> bool:
        """Whether `learn` has something to look up."""
        return any(oid not in self._known for oid in oids)

    def learn(self, conn: connection, oids: Iterable[int]) -> None:
        """Look up types that are not known yet. A type that was dropped since reads as text."""
        missing = [oid for oid in set(oids) if oid not in self._known]
        while missing:
            with conn.cursor() as cur:
                cur.execute(_LOOK_UP, (missing,))
                found = {oid: tuple(rest) for oid, *rest in cur}
            inner = {found[oid][0] or found[oid][1] for oid in found} - {None, 0} - self._known.keys()
            self.learn(conn, inner)
            for oid in set(missing) - self._known.keys():
                base, element, delimiter, name, labels = found.get(oid, (0, None, ",", "", ()))
                self._known[oid] = self._build(base, element, delimiter)
                self._names[oid] = self._names[base] if base else f"{self._names[element]}[]" if element else name
                self._labels[oid] = self._labels.get(base, ()) if base else tuple(labels)
            missing = []

    def _build(self, base: int, element: int | None, delimiter: str) -> Converter:
        if base:
            return self[base]
        if element:
            return _scalar(partial(parse_array, element=self[element].text, delimiter=delimiter))
        return TEXT


_TOKEN = re.compile(r'([{}])|"((?:[^"\\]|\\.)*)"|((?:[^{}",\\]|\\.)+)', re.DOTALL)
_TOKEN_SEMICOLON = re.compile(r'([{}])|"((?:[^"\\]|\\.)*)"|((?:[^{}";\\]|\\.)+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


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
