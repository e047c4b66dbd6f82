"""Values that come back as they were pushed, or not: what records, rows and paths can hold, through every phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fustor_conformance.pushing.steps import Push, Row, Step
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    END,
    Sentence,
    audit,
    found,
    listed,
    new,
    now,
    realtime,
)

__all__ = ["VALUES", "one_by_one"]

_RECORDS: dict[str, Mapping[str, Any]] = {
    "NULL": {"v": None, "w": 1},
    "empty text": {"v": ""},
    "long text": {"v": "long " * 4_000},
    "long text without blanks": {"v": "0123456789abcdef" * 200},
    "a whole number beyond 2**53": {"v": 2**53 + 1, "w": -(2**53) - 1},
    "the largest whole number of 64 bits": {"v": 2**63 - 1},
    "zero and false": {"v": 0, "w": False, "x": True, "y": 1},
    "fractions": {"v": 0.1, "w": -1.5e-7, "x": 12345678.875},
    "lists": {"v": [], "w": [1, [2, None], {"a": True}], "x": ["", " "]},
    "mappings": {"v": {}, "w": {"a": {"b": [None, {"c": 2**53 + 1}]}}},
    "text that looks like something else": {"v": "null", "w": "007", "x": "1e5", "y": "true", "z": "{}"},
    "blanks at both ends": {"v": "  v  ", "w": "\tv\n"},
    "quotes and backslashes": {"v": 'it\'s "q" \\ \\n', "w": "a\nb\r\nc\td", "x": "%s {} $1 ?"},
    "letters beyond ASCII": {"v": "\u00e9 e\u0301 \u00df \u4e2d \U0001f600", "w": "\u0001\u007f"},
    "names of columns": {"Upper": 1, "upper": 2, "with blank": 3, 'q"uote': 4, "select": 5, "a.b": 6, "\u00e9": 7},
    "columns that are named like fields": {"path": "/x", "mtime": 1, "size": None, "message_source": "audit"},
    "no columns": {},
}
_FIELDS: dict[str, Row] = {
    "a size beyond 2**53": Row("", 2**53 + 1),
    "a size of 0": Row("", 0),
    "an mtime of microseconds": Row("", 5, 0.123456),
    "an mtime before 1970": Row("", 5, -1_800_000_000.5),
    "half written": Row("", 5, more={"is_atomic_write": False}),
    "fields of the source's own": Row("", 5, more={"owner": "kit", "mode": 420, "tags": ["a", None]}),
}
_NAMES = (
    "x ",
    " x",
    "X",
    "x",
    "a%20b",
    "a b",
    "a,b",
    "a%",
    "a\\b",
    "it's",
    'q"q',
    "\u00e9",
    "e\u0301",
    "\U0001f600",
    "tab\tx",
    "line\nx",
    "null",
    "0",
    "~",
    "n" * 300,
    "n" * 300 + "m",
    "/".join(["deep" * 10] * 12),
)


def _history(rows: Sequence[Row]) -> tuple[Step, ...]:
    """The rows in a snapshot, as realtime's news, as its changes, in place of others, and in an audit."""
    return (
        BEGIN,
        Push((listed(*_in("listed", rows)),), "snapshot"),
        END,
        realtime(new(*_in("new", rows))),
        realtime(now(*_in("told", rows))),
        realtime(new(*(replace(row, size=77, record=None, more=None) for row in _in("changed", rows)))),
        realtime(new(*_in("changed", rows))),
        audit(AUDIT_START, found(*_in("found", rows)), AUDIT_END),
    )


def _in(place: str, rows: Sequence[Row]) -> Iterator[Row]:
    return (replace(row, path=f"{place}/{row.path}") for row in rows)


_GROUPS: dict[str, tuple[Row, ...]] = {
    "3 A record comes back as it was pushed": tuple(Row(name, record=value) for name, value in _RECORDS.items()),
    "3 A row's own fields come back as they were pushed": tuple(
        replace(row, path=name) for name, row in _FIELDS.items()
    ),
    "3 A path comes back as it was pushed": tuple(Row(name, number) for number, name in enumerate(_NAMES)),
}

VALUES = tuple(Sentence(says, _history(rows)) for says, rows in _GROUPS.items())


def one_by_one() -> Iterator[Sentence]:
    """Each value in a history of its own, for a pusher that sets some of them aside."""
    for says, rows in _GROUPS.items():
        for row in rows:
            yield Sentence(says, _history((row,)))
