"""The types of PostgreSQL that a column can be given when its source declares them, and how values get there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from pydantic_core import to_json


@dataclass(frozen=True, slots=True)
class Native:
    """A type: its name in SQL, the values that it is meant for, and the text that it reads each from."""

    sql: str
    takes: Callable[[Any], bool]
    text: Callable[[Any], str]
    kinds: frozenset[type] | None = frozenset({str})
    """Types of values all of which it takes; None: any."""
    cuts: re.Pattern[str] | None = None
    """What the server would leave out of a text without a word."""

    def takes_all(self, values: Iterable[Any]) -> bool:
        """Whether it is meant for these values; None is the NULL of every type."""
        told = [value for value in values if value is not None]
        if self.kinds is None:
            return True
        if not {*map(type, told)} <= self.kinds:
            return all(map(self.takes, told))
        return self.cuts is None or self.cuts.search("\n".join(told)) is None


_PLAIN = re.compile(r'[^\s{}"\\]+')
"""Elements of an array that the server prints without quotes."""
_CUT = {
    "date": re.compile(":"),  # the time of day
    "time without time zone": re.compile(r":[0-9.]+[+-]"),
    "timestamp without time zone": re.compile(r":[0-9.]+[+-]"),
    "name": re.compile(r"[^\n]{64}"),
}
_WHOLE = ("smallint", "integer", "bigint", "oid")
_SPECIAL_FLOATS = frozenset({"NaN", "Infinity", "-Infinity"})
_TEXTS = (
    "money",
    "time with time zone",
    "timestamp with time zone",
    "interval",
    "uuid",
    "text",
    "character varying",
    "bpchar",
    '"bit"',
    "bit varying",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "tsvector",
    "tsquery",
    "jsonpath",
    "pg_lsn",
    "pg_snapshot",
    *(f"{what}{kind}" for what in ("int4", "int8", "num", "date", "ts", "tstz") for kind in ("range", "multirange")),
)


def _is_a(kinds: tuple[type, ...], value: object) -> bool:
    """Whether a value is of one of these types; `True` is not a number here."""
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _is_uncut(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.search(value) is None


def _is_character(value: object) -> bool:
    return isinstance(value, str) and (len(value) <= 1 or re.fullmatch(r"\\[0-7]{3}", value) is not None)


def _is_bytes(value: object) -> bool:
    return isinstance(value, str) and value.startswith("\\x")  # the other form would read almost any text


def _is_float(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) <= 1 << 53
    return isinstance(value, float) or (isinstance(value, str) and value in _SPECIAL_FLOATS)


def _json(value: object) -> str:
    return to_json(value).decode()


def _boolean(value: object) -> str:
    return "true" if value else "false"


_ATOMS = {
    **{name: Native(name, partial(_is_a, (str,)), str) for name in _TEXTS},
    **{name: Native(name, partial(_is_uncut, pattern), str, cuts=pattern) for name, pattern in _CUT.items()},
    '"char"': Native('"char"', _is_character, str, frozenset()),
    "bytea": Native("bytea", _is_bytes, str, frozenset()),
    "numeric": Native("numeric", partial(_is_a, (str, int, float)), str, frozenset({str, int, float})),
    **{name: Native(name, partial(_is_a, (int,)), str, frozenset({int})) for name in _WHOLE},
    **{name: Native(name, _is_float, str, frozenset({float})) for name in ("real", "double precision")},
    **{name: Native(name, lambda _: True, _json, None) for name in ("json", "jsonb")},
    "boolean": Native("boolean", partial(_is_a, (bool,)), _boolean, frozenset({bool})),
}


@cache
def native_of(declared: str) -> Native | None:
    """What a column of a declared type becomes.

    Types that are not the server's own (enums, composites, those of extensions) are text, since another database need
    not have them. None: an array of arrays, which only the values themselves can tell.
    """
    if not declared.endswith("[]"):
        return _ATOMS.get(declared) or _ATOMS["text"]
    element = declared[:-2]
    if element.endswith("[]"):
        return None
    atom = _ATOMS.get(element) or _ATOMS["text"]
    delimiter = ";" if element == "box" else ","
    return Native(f"{atom.sql}[]", partial(_is_array, atom), partial(_literal, atom, delimiter), frozenset[type]())


def _is_array(atom: Native, value: object) -> bool:
    return isinstance(value, list) and all(
        _is_array(atom, item) if _is_dimension(atom, item) else item is None or atom.takes(item) for item in value
    )


def _is_dimension(atom: Native, item: object) -> bool:
    """Whether an element is an array of elements; among documents it is a document."""
    return isinstance(item, list) and atom.kinds is not None


def _literal(atom: Native, delimiter: str, value: list[Any]) -> str:
    """An array as PostgreSQL reads it."""
    items = (
        "NULL"
        if item is None
        else _literal(atom, delimiter, item)
        if _is_dimension(atom, item)
        else _quoted(atom.text(item), delimiter)
        for item in value
    )
    return f"{{{delimiter.join(items)}}}"


def _quoted(text: str, delimiter: str) -> str:
    if text.upper() != "NULL" and delimiter not in text and _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
