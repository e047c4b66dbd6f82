"""Values that come back as they were pushed, or not: what records, rows and paths can hold, through every phase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fustor_conformance._values import KEPT
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

_TOGETHER = 30
"""Rows of one history, at three other paths each: fewer than the guard of section 8, item 9, keeps from going."""
_FIELDS: dict[str, Row] = {
    "a size beyond 2**53": Row("", 2**53 + 1),
    "a size of 0": Row("", 0),
    "an mtime of microseconds": Row("", 5, 0.123456),
    "an mtime before 1970": Row("", 5, -1_800_000_000.5),
    "half written": Row("", 5, more={"is_atomic_write": False}),
    "fields of the source's own": Row("", 5, more={"owner": "kit", "mode": 420, "tags": ["a", None]}),
}


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
    "3 A record comes back as it was pushed": tuple(
        Row(hard.what, record=hard.record) for hard in KEPT if hard.record is not None
    ),
    "3 A row's own fields come back as they were pushed": tuple(
        replace(row, path=name) for name, row in _FIELDS.items()
    ),
    "3 A path comes back as it was pushed": tuple(
        Row(hard.path.removeprefix("/"), number) for number, hard in enumerate(KEPT) if hard.path
    ),
}

VALUES = tuple(
    Sentence(says, _history(rows[first : first + _TOGETHER]))
    for says, rows in _GROUPS.items()
    for first in range(0, len(rows), _TOGETHER)
)


def one_by_one() -> Iterator[Sentence]:
    """Each value in a history of its own, for a pusher that sets some of them aside."""
    for says, rows in _GROUPS.items():
        for row in rows:
            yield Sentence(says, _history((row,)))
