"""Section 8, item 7, sentence by sentence: partial records."""

from __future__ import annotations

from typing import Any

from fustor_conformance.pushing.steps import Begin, Row
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    EMPTY,
    END,
    Histories,
    audit,
    found,
    gone,
    new,
    now,
    realtime,
    sentences,
    session,
    snapshot,
    thing,
)

__all__ = ["ORDERED", "PARTIALS"]

_WHOLE: dict[str, Any] = {"n": 1, "t": "long", "u": None, "v": True, "w": {"a": 1, "b": [2, None]}, "x": [1, 2]}
_LONG: dict[str, Any] = {"n": 1, "t": "long " * 4_000, "u": None}
_NOTHING: dict[str, Any] = {"n": 0, "t": "", "u": 5, "v": False, "w": {}, "x": []}


def _row(path: str, size: int = 1, at: float = 10, /, **record: Any) -> Row:
    return thing(path, size, at, record=record)


def _whole(path: str, size: int = 1, at: float = 10) -> Row:
    return thing(path, size, at, record=_WHOLE)


_KNOWN = (BEGIN, snapshot(*(_whole(name) for name in (*_WHOLE, "null", "a", "b"))), END)

_PARTIALS: Histories = {
    "8.7 Absent is not NULL: a column that is left out keeps its value, and a NULL replaces it": (
        *_KNOWN,
        realtime(now(_row("null", 2, n=None, t=None, v=None, w=None, x=None))),
        *(realtime(now(_row(name, 3, **{name: None}))) for name in ("n", "t", "w")),
    ),
    "8.7 Absent is not NULL: a column that is left out keeps its value; 0, false and empty values replace it": (
        *_KNOWN,
        *(realtime(now(_row(name, 2, **{name: value}))) for name, value in _NOTHING.items()),
        realtime(now(_row("a", 3)), now(_row("b", 4, **_NOTHING))),
    ),
    "8.7 A column is replaced as a whole, with what is nested in it": (
        *_KNOWN,
        realtime(now(_row("a", 2, w={"a": 3})), now(_row("b", 3, w={"c": {"d": 4}}, x=[3]))),
        realtime(now(_row("b", 4, w={"c": {"e": 5}}))),
    ),
    "8.7 A column that the row did not have before is added": (
        *_KNOWN,
        realtime(now(_row("a", 2, later="x"))),
        realtime(now(_row("a", 3, last=None))),
    ),
    "8.7 An insert is whole and replaces: columns that it does not have are gone": (
        *_KNOWN,
        realtime(new(_row("a", 2, n=2))),
        realtime(now(_row("a", 3, t="x")), new(_row("b", 4))),
    ),
    "8.7 A snapshot row that counts is whole: columns that it does not have are gone": (
        *_KNOWN,
        Begin("new"),
        snapshot(_row("a", 2, 30, n=2), _row("b", 3, 30)),
        END,
    ),
    "8.7 An audit row that counts is whole: columns that it does not have are gone": (
        *_KNOWN,
        audit(AUDIT_START, found(_row("a", 2, 30, n=2), _row("b", 3, 30)), AUDIT_END),
        realtime(now(_row("a", 4, 40, t="x"))),
    ),
    "8.7 An ignored snapshot row supplies exactly the columns that realtime left out, and nothing else of it": session(
        realtime(now(_row("a", 2, 5, n=2)), now(_row("b", 3, 50, w={"a": 3}))),
        realtime(now(_row("a", 4, 6, t=None))),
        snapshot(_whole("a", 8, 20), _whole("b", 9, 20)),
    ),
    "8.7 A snapshot supplies once: what comes later in it about the path is ignored altogether": session(
        realtime(now(_row("a", 2, 5, n=2))),
        snapshot(_whole("a", 8, 20)),
        snapshot(_row("a", 9, 30, n=9, t="other", u=9)),
    ),
    "8.7 An insert is whole: a snapshot row supplies nothing to it, nor to updates that follow it": session(
        realtime(new(_row("a", 2, 5, n=2))),
        realtime(new(_row("b", 3, 5, n=3)), now(_row("b", 4, 6, t="x"))),
        snapshot(_whole("a", 8, 20), _whole("b", 9, 20)),
    ),
    "8.7 A delete forgets, of the path or of a container above it: a snapshot row supplies nothing there": session(
        realtime(now(_row("a", 2, 5, n=2)), now(_row("d/x", 3, 5, n=3))),
        realtime(gone("a", at=6), gone("d", at=6)),
        realtime(now(_row("a", 4, 7, n=4)), now(_row("d/x", 5, 7, n=5))),
        snapshot(_whole("a", 8, 20), _whole("d/x", 9, 20)),
    ),
    "8.7 An audit row that is ignored supplies nothing": (
        *EMPTY,
        audit(AUDIT_START),
        realtime(now(_row("a", 2, 5, n=2))),
        audit(found(_whole("a", 8, 40)), AUDIT_END),
    ),
    "8.2 After the snapshot's end its rows count for nothing: they supply nothing either": (
        *session(realtime(now(_row("a", 2, 5, n=2)))),
        snapshot(_whole("a", 8, 40)),
    ),
    "8.7 A value of an earlier session stands in, and gives way to the snapshot's row; a column that this one no"
    " longer has is gone": (
        *_KNOWN,
        Begin("new"),
        realtime(now(_row("a", 2, 20, n=2)), now(_row("b", 3, 20, n=3))),
        snapshot(_row("a", 8, 30, n=1, t="newer"), _row("b", 8, 30, n=1, t=None)),
        END,
    ),
    "8.7 A value of an earlier session stands in while the snapshot's row has not come": (
        *_KNOWN,
        BEGIN,
        realtime(now(_row("a", 2, 20, n=2)), now(_row("b", 3, 20, t=None))),
    ),
    "8.7 What became of a path before the snapshot's row decides what that supplies; what comes after it is merged": (
        BEGIN,
        realtime(now(*(_row(name, 2, 15, n=2) for name in ("later", "twice", "gone", "again", "after")))),
        realtime(now(_row("null", 2, 15, n=2, t=None), _row("twice", 2, 15, t="new"), _row("twice", 2, 15, n=3))),
        realtime(gone("gone", "again", "after", at=15)),
        realtime(new(_row("again", 2, 15, n=3)), now(_row("after", 2, 15, n=4))),
        realtime(now(_row("again", 2, 15, n=4))),
        snapshot(*(thing(name, record=_LONG) for name in ("later", "twice", "gone", "again", "after", "null"))),
        snapshot(*(thing(name, record=_LONG) for name in ("before", "key"))),
        realtime(now(_row("before", 2, 15, n=2)), new(_row("key", 2, 15, n=7))),
        END,
        realtime(now(_row("later", 2, 15, n=5))),
    ),
}
PARTIALS = sentences(_PARTIALS)

_ORDERED: Histories = {
    "8.7 A thing that goes and comes back between two changes in one batch: the order says what its columns"
    " are": session(
        realtime(
            new(thing("a", 1, 15, record=_LONG)),
            now(_row("a", 2, 15, n=2)),
            gone("a", at=15),
            new(_row("a", 3, 15, n=3, w=1)),
            now(_row("a", 4, 15, n=4), _row("null", 5, 15, n=2, t=None)),
        ),
        snapshot(thing("null", record=_LONG)),
    ),
}
ORDERED = sentences(_ORDERED)
"""What binds a log as well, which passes all of it on."""
