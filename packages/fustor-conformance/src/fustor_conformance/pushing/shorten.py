"""Cuts a failing history to what it needs: steps first, then events of pushes, then rows of events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from fustor_conformance.pushing.expected import Expected, Unfair
from fustor_conformance.pushing.steps import Push, Step, Told

__all__ = ["is_fair", "shorten"]

_ROOT = "/kit"


def is_fair(steps: Sequence[Step]) -> bool:
    """Whether a host makes these steps, and the contract leaves no choice about any of them."""
    try:
        Expected.of(steps, _ROOT)
    except Unfair:
        return False
    return True


def shorten(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool], *, limit_sec: float) -> list[Step]:
    """The shortest fair history that was found in time and still fails."""
    deadline = time.monotonic() + limit_sec
    shortest = list(steps)
    changed = True
    while changed:
        changed = False
        for shorter in _shorter(shortest):
            if time.monotonic() > deadline:
                return shortest
            if is_fair(shorter) and fails(shorter):
                shortest, changed = shorter, True
                break
    return shortest


def _shorter(steps: list[Step]) -> Iterator[list[Step]]:
    size = len(steps) // 2
    while size >= 1:
        for start in range(len(steps) - size, -1, -size):
            yield steps[:start] + steps[start + size :]
        size //= 2
    for place, step in enumerate(steps):
        if isinstance(step, Push):
            for fewer in _fewer(step.events):
                yield [*steps[:place], replace(step, events=fewer), *steps[place + 1 :]]


def _fewer(events: tuple[Told, ...]) -> Iterator[tuple[Told, ...]]:
    for place, event in enumerate(events):
        if len(events) > 1:
            yield events[:place] + events[place + 1 :]
        if len(event.rows) > 1:
            for row in range(len(event.rows)):
                fewer = replace(event, rows=event.rows[:row] + event.rows[row + 1 :])
                yield (*events[:place], fewer, *events[place + 1 :])
