"""The values, paths and columns that hurt: what JSON carries and a store, a driver or a query changes on the way."""

from __future__ import annotations

import json
import posixpath
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, unquote_plus

from fustor_conformance._paths import is_below

__all__ = ["HARD", "KEPT", "Hard", "hard_columns", "hard_rows", "same"]

_LONG_NAME = "c" * 64


@dataclass(frozen=True)
class Hard:
    """Something hard to keep: what goes into the row.

    Args:
        what: its name.
        record: the row's record, if it is about one.
        path: the row's path, if it is about one.
        fields: further fields of the row.
        must: no store may refuse it.
        rare: many stores refuse it.
    """

    what: str
    record: dict[str, Any] | None = None
    path: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    must: bool = False
    rare: bool = False


def _texts() -> list[Hard]:
    plain = {
        "an empty text": "",
        "blanks around a text": "  a \t",
        "a text of lines": "a\nb\r\nc",
        "quotes and a backslash": 'it\'s "so" \\n \\',
        "percent signs and underscores": "100%_%s{0}$1?",
        "letters that are not ASCII": "äßé 日本語 🙂",
        "a date as text": "2024-02-29",
        "a moment as text": "2024-02-29T12:00:00.123456+02:00",
        "a number as text": "007",
        "a decimal as text": "12345678901234567890.10",
        "the text 'null'": "null",
        "the text 'true'": "true",
        "JSON as text": '{"a": [1, null]}',
        "a text of 10,000 letters": "ab" * 5_000,
    }
    hard = {
        "a text with a letter and its accent apart": "cafe\u0301",
        "a control character": "a\x01b",
    }
    rare = {
        "a text of a million letters": "long " * 200_000,
        "a NUL in a text": "a\0b",
    }
    return [*_each(plain, must=True), *_each(hard), *_each(rare, rare=True)]


def _each(values: Mapping[str, Any], *, must: bool = False, rare: bool = False) -> Iterator[Hard]:
    return (Hard(what, {"v": value}, must=must, rare=rare) for what, value in values.items())


def _others() -> list[Hard]:
    plain: dict[str, Any] = {
        "NULL": None,
        "false": False,
        "true": True,
        "zero": 0,
        "a negative number": -17,
        "2**53 + 1": 2**53 + 1,
        "the largest 64-bit number": 2**63 - 1,
        "0.1": 0.1,
        "a small fraction": 1e-7,
        "a fraction of 17 digits": 0.12345678901234566,
        "an empty list": [],
        "an empty mapping": {},
        "a list of all kinds": [1, "1", None, True, 1.5, [], {}],
        "a mapping in a mapping": {"a": {"b": [{"c": None}]}, "A": ""},
    }
    return [*_each(plain, must=True), *_each({"2**63": 2**63}, rare=True), *_each({"a large fraction": 1.7e308})]


def _names() -> list[Hard]:
    names = {
        "names that differ by case": ["Name", "name", "NAME"],
        "names with blanks and quotes": ["a b", " a", "a ", "it's", 'a"b', "a`b"],
        "names that a query reads": ["select", "a.b", "a%b", "a:b", "$a", "?", "a;b"],
        "names that are the contract's": ["path", "mtime", "size", "record", "message_source", "is_directory", "extra"],
        "names that are not ASCII": ["ä", "a\u0308", "名"],
        "names of 65 letters that differ in the last": [_LONG_NAME + "a", _LONG_NAME + "b"],
        "an empty name": [""],
        "no columns": [],
    }
    return [Hard(what, {name: n for n, name in enumerate(some)}) for what, some in names.items()]


def _fields() -> list[Hard]:
    return [
        Hard("a size of 0", fields={"size": 0}, must=True),
        Hard("a size beyond 2**53", fields={"size": 2**53 + 1}, must=True),
        Hard("an mtime with a fraction", fields={"mtime": 1_700_000_000.123456}, must=True),
        Hard("an mtime of 0", fields={"mtime": 0.0}),
        Hard("an mtime before 1970", fields={"mtime": -1.5}),
        Hard("a container", fields={"is_directory": True}, must=True),
        Hard("a file that is being written", fields={"is_atomic_write": False}),
    ]


def _unaccented(path: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", path) if not unicodedata.combining(letter))


_FOLDS: tuple[Callable[[str], str], ...] = (
    unquote,
    unquote_plus,
    str.lower,
    str.strip,
    lambda path: path.rstrip(". "),
    lambda path: unicodedata.normalize("NFC", path),
    lambda path: unicodedata.normalize("NFD", path),
    _unaccented,
    posixpath.normpath,
    lambda path: path.replace("\\", "/"),
    lambda path: path.partition("\0")[0],
    lambda path: path.partition("\n")[0],
    lambda path: path[:255],
)
"""What a careless store makes of a path before it looks for it."""


def _lookalikes(paths: Iterable[str]) -> list[str]:
    """What these paths are folded to, where that is another path: both together show whether a store folds."""
    known = list(paths)
    found: list[str] = []
    for path in dict.fromkeys(fold(path) for path in known for fold in _FOLDS):
        is_path = path.startswith("/") and all(path[1:].split("/"))
        others = [*known, *found]
        if is_path and not any(path == other or is_below(path, other) or is_below(other, path) for other in others):
            found.append(path)  # of a container and what is in it, one would remove the other
    return found


def _paths() -> list[Hard]:
    """Each beside others that are nearly the same: a store that folds them has one row less."""
    short = {
        "paths that differ by case": ("/kit-Case", "/kit-case"),
        "paths that differ by a blank at the end": ("/kit-end", "/kit-end ", "/kit-end  "),
        "a path with a blank in front": ("/ kit",),
        "paths that differ by their accents": ("/kit-caf\u00e9", "/kit-cafe\u0301", "/kit-cafe"),
        "paths that a pattern takes as one": ("/kit_x", "/kit%x", "/kitax", "/kit*x", "/kit?x", "/kit[x]"),
        "paths with quotes": ("/kit'x", '/kit"x', "/kit\\x", "/kit;x--"),
        "paths that are quoted": ("/kit%2Fx", "/kit%252Fx", "/kit%20x", "/kit x", "/kit,x", "/kit+x"),
        "paths with a line break and a tab": ("/kit\nx", "/kit\tx"),
        "a path of dots": ("/kit...", "/.kit"),
        "a path that looks like something else": ("/null", "/0", "/~"),
        "a path that is not ASCII": ("/kit-日本語-🙂",),
    }
    deep = "/" + "k" * 149 + "/" + "l" * 149
    long = {
        "a name of 255 letters": ("/" + "k" * 255,),
        "paths of 300 letters that differ in the last": (f"{deep}a", f"{deep}b"),
        "a path of twelve parts": ("/" + "/".join(["deep" * 10] * 12),),
    }
    rare = {
        "paths with dots for parts": ("/kit-dot/.", "/kit-dots/..", "/kit-above/../kit-up", "/kit-here/./kit-in"),
        "a path with a NUL": ("/kit-nul\0nul",),
    }
    every = [(what, path) for what, paths in (short | long | rare).items() for path in paths]
    paths = [
        Hard(what, path=path, must=what in short and path.isprintable(), rare=what in rare) for what, path in every
    ]
    alike = _lookalikes(path for _, path in every)
    return paths + [Hard("a path that another one is folded to", path=path, rare=True) for path in alike]


HARD: tuple[Hard, ...] = (*_texts(), *_others(), *_names(), *_fields(), *_paths())
"""Every one of them."""
KEPT = tuple(hard for hard in HARD if not hard.rare)
"""What is asked for in every phase; of what many stores refuse, it is enough to ask once."""


def hard_columns() -> list[tuple[str, dict[str, Any]]]:
    """What a table's rows look like one after another: columns come, go, and change what they hold."""
    return [
        ("the first row of a table", {"id": 1, "v": 1}),
        ("a column that is new", {"id": 2, "v": 2, "later": "x"}),
        ("a column that holds a text after numbers", {"id": 3, "v": "three", "later": None}),
        ("a column that holds a list after texts", {"id": 4, "v": [4], "later": 4.5}),
        ("a column that is gone", {"id": 5, "later": {"a": 5}}),
        ("a column that is back", {"id": 6, "v": None}),
        ("a number that does not fit the earlier ones", {"id": 7, "v": 2**40, "later": True}),
        ("a row without columns", {}),
    ]


def same(found: Any, wanted: Any) -> bool:
    """Whether it is the same value: a number by its value, in whatever type of number; true is not 1.

    Text with a NUL, which many databases cannot hold as text, may be kept as its JSON.
    """
    if isinstance(wanted, bool) or isinstance(found, bool) or wanted is None or found is None:
        return found is wanted
    if isinstance(wanted, int | float):
        return isinstance(found, int | float | Decimal) and _same_number(found, wanted)
    if isinstance(wanted, list):
        return isinstance(found, list | tuple) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, dict):
        return (
            isinstance(found, Mapping)
            and found.keys() == wanted.keys()
            and all(same(found[name], value) for name, value in wanted.items())
        )
    return isinstance(found, str) and (found == wanted or ("\0" in wanted and found == json.dumps(wanted)))


def _same_number(found: float | Decimal, wanted: float) -> bool:
    """A fraction is what its digits are read as; a whole number is exact."""
    return float(found) == wanted if isinstance(wanted, float) else found == wanted


def hard_rows() -> dict[str, dict[str, Any]]:
    """What JSON can carry and a row of many a store cannot, by what is hard about it."""
    return {
        "a path of 4,000 bytes": {"path": "/" + "/".join(["kit" * 66] * 20)},
        "a path with a NUL": {"path": "/kit\0nul"},
        "a text with a NUL": {"record": {"t": "a\0b"}},
        "a column whose name has a NUL": {"record": {"a\0b": 1}},
        "a column name of 300 letters": {"record": {"c" * 300: 1}},
        "two thousand columns": {"record": {f"c{number}": number for number in range(2_000)}},
        "a number of forty digits": {"record": {"n": 10**40}},
        "a size beyond 64 bits": {"size": 2**70},
        "an mtime beyond every calendar": {"mtime": 1e300},
        "a hundred lists in one another": {"record": {"deep": _nested(100)}},
    }


def _nested(depth: int) -> list[Any]:
    return [_nested(depth - 1)] if depth else []
