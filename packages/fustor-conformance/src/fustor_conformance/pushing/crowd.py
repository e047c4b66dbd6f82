"""Two pushes at once, over and over: what one tells about a path, the other must know in the next round."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fustor_conformance.pushing.steps import Begin, Push, Row, Step, Together
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    EMPTY,
    END,
    Sentence,
    audit,
    found,
    gone,
    listed,
    new,
    now,
    realtime,
    thing,
)

__all__ = ["at_once", "fill", "hurried", "in_order"]

_FILL = 12
_EVENTS, _ROWS = 12, 120
_TEXT = "0123456789abcdef" * 128
_SWITCH_SEC = 1e-5


def at_once(rounds: int) -> Sentence:
    """A task in which realtime meets a snapshot, and then an audit, `rounds` times each."""
    return Sentence(
        "5 push may run twice at once for one task: after two pushes at once, of a snapshot (or an audit) and of"
        " realtime, everything of both is there",
        (
            BEGIN,
            *(step for number in range(rounds) for step in _beside_a_snapshot(number)),
            END,
            Begin("new", resumed=True),
            audit(AUDIT_START),
            *(step for number in range(rounds) for step in _beside_an_audit(number)),
            audit(AUDIT_END),
            Begin("new", resumed=True),
        ),
    )


def _beside_a_snapshot(number: int) -> Iterator[Step]:
    """In the same round each tells of its own paths, and of what the other one told in the round before."""
    before = number - 1
    rows = [thing(f"listed-{number}", 1, 50), *fill(f"filled-{number}")]
    if number:
        rows += [thing(f"told-{before}", 9, 90), thing(f"gone-{before}", 9, 90)]
    told = [new(thing(f"told-{number}", 2), *fill(f"filling-{number}"), index=10 * number + 1)]
    told += [gone(f"gone-{number}", index=10 * number + 2)]
    told += [now(thing(f"listed-{before}", 3, 5), index=10 * number + 3)] if number else []
    yield Together(Push(tuple(told)), Push((listed(*rows),), "snapshot"))


def _beside_an_audit(number: int) -> Iterator[Step]:
    before, index = number - 1, 1_000 + 10 * number
    reported = [thing(f"found-{number}", 4, 50), *fill(f"finding-{number}")]
    if number:
        reported += [thing(f"late-{before}", 9, 90), thing(f"lost-{before}", 9, 90)]
    told = [
        new(thing(f"late-{number}", 5), *fill(f"later-{number}"), index=index + 1),
        gone(f"lost-{number}", index=index + 2),
    ]
    yield Together(realtime(*told), audit(found(*reported)))


def in_order(rounds: int) -> Sentence:
    """Of two pushes at once the one with fewer events lasts longer; an audit that begins later corrects the other."""
    return Sentence(
        "5, 8.3 After two pushes at once both are over and there: nothing that they told counts as told since an"
        " Audit-Start that comes later",
        (*EMPTY, *(step for number in range(rounds) for step in _before_an_audit(number))),
    )


def _before_an_audit(number: int) -> Iterator[Step]:
    first = 1 + number * _EVENTS
    told = [new(thing(f"told-{number}-{place}", 1), index=first + place) for place in range(_EVENTS)]
    reported = [thing(f"reported-{number}-{place}", 2) for place in range(_ROWS)]
    yield audit(AUDIT_START)
    pushes = (realtime(*told), audit(found(*reported)))
    yield Together(*(pushes if number % 2 else reversed(pushes)))
    yield audit(AUDIT_END)
    corrected = found(*(thing(f"told-{number}-{place}", 3, 90) for place in (0, _EVENTS - 1)))
    yield audit(AUDIT_START, corrected, AUDIT_END)


def fill(name: str) -> list[Row]:
    """Rows that make a push last, so that the other one comes in between where it can."""
    return [thing(f"{name}-{number}", number, record={"t": _TEXT}) for number in range(_FILL)]


@contextmanager
def hurried() -> Iterator[None]:
    """While the block runs, threads take turns far more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SEC)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
