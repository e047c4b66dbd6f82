"""Section 8, sentence by sentence: which row counts, many of them, and what a snapshot's end removes."""

from __future__ import annotations

from fustor_conformance.pushing.steps import Begin, Push, Step
from fustor_conformance.pushing.words import (
    BEGIN,
    EMPTY,
    END,
    FULL,
    KNOWN,
    Histories,
    box,
    complete,
    gone,
    listed,
    new,
    now,
    realtime,
    sentences,
    session,
    snapshot,
    thing,
)

__all__ = ["ARBITRATION", "AT_ROOT", "ENDS", "MANY"]

_HUNDREDS = 600
"""Rows of one event: more than what statements take at a time."""
_NEIGHBOURS = snapshot(
    box("d"), thing("d/x", 3), thing("d-x", 4), thing("d.x", 5), thing("dx", 6), thing("D", 7), thing("d ", 8)
)

_ARBITRATION: Histories = {
    "8.1 Realtime always wins: a realtime row replaces what is stored, also where its mtime is older": (
        BEGIN,
        FULL,
        realtime(now(thing("f", 50, 1))),
        END,
        realtime(now(thing("d/x", 60, 1))),
    ),
    "8.1 Realtime always wins: of two realtime rows of a path the later one counts, also where its mtime is older": (
        *EMPTY,
        realtime(now(thing("a", 1, 20)), now(thing("a", 2, 5))),
        realtime(now(thing("b", 3, 20))),
        realtime(now(thing("b", 4, 5))),
    ),
    "8.1 An upsert replaces: of several rows of a path in one batch the last one counts": (
        *EMPTY,
        realtime(now(thing("a", 1), thing("a", 2)), new(thing("a", 3)), now(thing("b", 7)), now(thing("a", 4))),
    ),
    "3 Consumers treat insert and update alike": (
        *EMPTY,
        realtime(new(thing("a", 1))),
        realtime(now(thing("b", 2))),
        realtime(new(thing("b", 3)), now(thing("a", 4)), new(thing("c", 5))),
    ),
    "8.1 A delete removes the path": (
        *KNOWN,
        realtime(gone("f")),
        realtime(now(thing("g", 2)), gone("d/x")),
    ),
    "8.1 A delete removes what happened before it in its batch, and nothing that comes after it": (
        *EMPTY,
        realtime(now(thing("a", 1)), gone("a")),
        realtime(now(thing("b", 1))),
        realtime(gone("b"), new(thing("b", 2))),
        realtime(gone("c"), new(thing("c", 3)), gone("c"), now(thing("c", 4))),
        realtime(new(thing("e", 3)), gone("e"), now(thing("e", 4)), gone("e")),
    ),
    "8.1 A delete removes everything below the path": (
        *KNOWN,
        realtime(gone("d")),
    ),
    "8.1 A delete removes nothing beside the path, whatever its name begins with": (
        *session(_NEIGHBOURS),
        realtime(gone("d")),
    ),
    "8.1 A path may hold any character: `_`, `%`, `*` and `\\` are names, not patterns": (
        BEGIN,
        snapshot(box("a_"), thing("a_/x"), thing("a_/y"), box("ab"), thing("ab/x"), box("a%"), thing("a%/x")),
        snapshot(box("a*"), thing("a*/x"), box("a\\"), thing("a\\/x"), box("aXXb"), thing("aXXb/x")),
        END,
        realtime(gone("a_")),
        realtime(gone("a%")),
        realtime(gone("a*")),
    ),
    "5 One row a path: paths that differ in case, in a blank at the end or after 255 characters are others": (
        *EMPTY,
        realtime(now(thing("n", 1), thing("N", 2), thing("n ", 3), thing("\u00e9", 4), thing("e\u0301", 5))),
        realtime(now(thing("p" * 400 + "/a", 6), thing("p" * 400 + "/b", 7))),
    ),
    "8.1 A change of kind removes what was below: a file has taken the place of a directory": (
        *session(_NEIGHBOURS),
        realtime(now(thing("d", 9))),
    ),
    "8.1 A change of kind: a directory has taken the place of a file, and things are put into it": (
        *KNOWN,
        realtime(now(box("f")), now(thing("f/x", 9))),
    ),
    "8.1 An upsert of a container leaves what is in it": (
        *KNOWN,
        realtime(now(box("d", 40))),
    ),
    "8.1 An upsert replaces the whole row: fields that the later one does not have are gone": (
        *EMPTY,
        realtime(now(thing("a", 1, more={"owner": "kit", "is_atomic_write": False}))),
        realtime(now(thing("b", 1, record={"n": 1}, more={"owner": "kit", "is_atomic_write": False}))),
        realtime(now(thing("a", 2), thing("c", 2)), now(thing("b", 2, record={"n": 2}))),
    ),
    "8.2 A snapshot row is ignored where a realtime mark of this session holds, be it younger or not": session(
        realtime(now(thing("a", 1, 5), thing("b", 2, 5))),
        snapshot(thing("a", 8, 20), thing("b", 9, 1), thing("c", 3)),
    ),
    "8.2 A snapshot row is ignored where realtime deleted its path in this session: the listing is older": session(
        realtime(gone("a", at=5)),
        realtime(now(thing("b", 1, 5))),
        realtime(gone("b", at=6)),
        snapshot(thing("a", 8, 20), thing("b", 9, 20), thing("c", 3)),
    ),
    "8.1 The mark of a delete holds for everything below the path, and a later upsert does not lift it there": session(
        realtime(gone("d", at=5)),
        realtime(gone("e", at=5)),
        realtime(now(box("e", 6))),
        snapshot(box("d", 20), thing("d/x", 1, 20), thing("e/x", 2, 20), thing("c", 3)),
    ),
    "8.2 Realtime and snapshot in one batch, in order of arrival": session(
        Push((now(thing("a", 1, 5)), listed(thing("a", 2, 20)), listed(thing("b", 3, 20)), now(thing("b", 4, 5)))),
        Push((listed(thing("c", 5, 20)), gone("c", at=5), listed(thing("c", 6, 30))), "snapshot"),
    ),
    "8.2 A snapshot row is ignored where an event of this session had an mtime not less than its own": session(
        snapshot(thing("a", 1, 20), thing("b", 2, 20)),
        snapshot(thing("a", 8, 10), thing("b", 9, 20)),
    ),
    "8.2 A snapshot row that is younger than what this session reported replaces it": session(
        snapshot(thing("a", 1, 10)),
        snapshot(thing("a", 2, 20)),
    ),
    "8.2 What an earlier session reported does not count: a new session replaces it by an older snapshot row too": (
        *complete(thing("a", 1, 20), thing("b", 2, 20)),
        realtime(now(thing("c", 3, 20))),
        *complete(thing("a", 4, 5), thing("b", 5, 20), thing("c", 6, 5)),
    ),
    "8.2 Marks are those of one session: what realtime deleted in an earlier one can be listed by a snapshot": (
        *complete(thing("a", 1)),
        realtime(gone("a")),
        Begin("same"),
        snapshot(thing("a", 2)),
        END,
    ),
    "8.2 After the snapshot's end its rows count for nothing": (
        *complete(thing("a", 1, 10)),
        snapshot(thing("a", 2, 20), thing("b", 3, 20)),
    ),
    "5 A row that is pushed twice leaves one copy": session(
        realtime(now(thing("a", 1))),
        realtime(now(thing("a", 1)), again=True),
        snapshot(thing("a", 2), thing("b", 3)),
        Push((listed(thing("a", 2), thing("b", 3)),), "snapshot", again=True),
    ),
    "5 A batch that equals an earlier one but not the last is new: after A and B, A counts again": (
        *EMPTY,
        realtime(now(thing("a", 1))),
        realtime(now(thing("a", 2))),
        realtime(now(thing("a", 1))),
        realtime(gone("a")),
        realtime(now(thing("a", 1))),
    ),
}
ARBITRATION = sentences(_ARBITRATION)

_AT_ROOT: Histories = {
    "8.1 A delete removes everything below the path, also where that is `/`": (
        *complete(box(""), box("d"), thing("d/x", 3), thing("f", 5)),
        realtime(gone("")),
        realtime(new(thing("g", 6))),
    ),
}
AT_ROOT = sentences(_AT_ROOT)
"""What is about the whole source, which needs a destination of its own."""

_MANY: Histories = {
    "8.1 An event may have hundreds of rows, and each of them counts": (
        *complete(*(thing(f"d/{number}") for number in range(_HUNDREDS))),
        realtime(gone(*(f"d/{number}" for number in range(2, _HUNDREDS - 20)))),
    ),
    "8.9 What realtime deletes is never guarded, be it much or little": (
        *complete(box("d"), *(thing(f"d/{number}") for number in range(_HUNDREDS // 3)), thing("f")),
        realtime(gone("d")),
    ),
}
MANY = sentences(_MANY)
"""Histories that make a destination large."""
_SECOND = (*KNOWN, BEGIN)
_SKIPPED = complete(
    box("d"), thing("d/x", 3), box("d/e"), thing("d/e/y", 4), thing("d2"), thing("d-x"), box("o"), thing("o/x")
)


def _second(*steps: Step) -> tuple[Step, ...]:
    """These steps in a session after one in which much became known, to the end of its snapshot."""
    return *_SECOND, *steps, END


_ENDS: Histories = {
    "5 The snapshot's end removes what no event of its session reported": _second(
        snapshot(thing("f", 6, 30), thing("g", 7)),
    ),
    "5 Nothing goes before the snapshot's end is committed": (
        *_SECOND,
        snapshot(thing("f", 6, 30)),
        realtime(now(thing("g", 7))),
    ),
    "5 A snapshot that did not come to its end removes nothing, and what it reported says nothing to the next one": (
        *_SECOND,
        snapshot(thing("f", 6, 30)),
        realtime(now(thing("g", 7))),
        Begin("left"),
        snapshot(box("d", 30), thing("d/x", 8, 30)),
        END,
    ),
    "5 The rows of the batch that ends the snapshot are reported too": (
        *_SECOND,
        snapshot(thing("f", 6, 30)),
        snapshot(box("d", 30), thing("d/x", 7, 30), end=True),
    ),
    "5 What realtime reported in this session stays at the snapshot's end, new or known before": _second(
        realtime(now(thing("f", 6, 1)), new(thing("g", 7, 1))),
        snapshot(box("d", 30)),
    ),
    "5 A snapshot row that is ignored counts as reported": (
        *complete(thing("a", 1), thing("b", 2)),
        BEGIN,
        snapshot(thing("a", 4, 20)),
        snapshot(thing("a", 5, 10)),
        realtime(now(thing("c", 6, 1))),
        snapshot(thing("c", 7, 20)),
        END,
    ),
    "5 What is below a container marked audit_skipped stays, however deep, and nothing beside it": (
        *_SKIPPED,
        *session(snapshot(box("d", 30, skipped=True))),
    ),
    "5 The mark of a container counts though its row is ignored": (
        *_SKIPPED,
        *session(
            realtime(now(box("o", 5))),
            snapshot(box("d", 30)),
            snapshot(box("d", 30, skipped=True), box("o", 4, skipped=True)),
        ),
    ),
    "5 A mark of an earlier snapshot says nothing: what this one does not report goes": (
        *_SKIPPED,
        *session(snapshot(box("d", 30, skipped=True))),
        *complete(box("d", 40), thing("d2", 2, 40)),
    ),
    "5 No container goes that is above something kept": _second(
        snapshot(thing("d/e/y", 6, 30)),
    ),
    "5 A container that was not reported goes where nothing in it was": _second(
        snapshot(box("d", 30), thing("d/x", 6, 30)),
    ),
    "5 A batch may be repeated, its end too: what realtime reported in between stays": (
        *_SECOND,
        snapshot(thing("f", 6, 30), thing("h", 8), end=True),
        realtime(new(thing("g", 7)), gone("f")),
        Push((listed(thing("f", 6, 30), thing("h", 8)),), "snapshot", end=True, again=True),
    ),
    "5 What was deleted and made again during the snapshot stays as it was made": _second(
        realtime(gone("d/x", "d/e/y", "d/e", "d")),
        snapshot(box("d", 40), thing("d/x", 8, 40), thing("f", 9, 40)),
        realtime(new(box("d", 31)), new(thing("d/x", 6, 31))),
    ),
    "8.2 Each session's end counts, also of the third one": (
        BEGIN,
        snapshot(thing("a"), thing("b"), thing("c"), end=True),
        Begin("same"),
        snapshot(thing("a"), thing("b"), end=True),
        BEGIN,
        snapshot(thing("a"), end=True),
    ),
}
ENDS = sentences(_ENDS)
