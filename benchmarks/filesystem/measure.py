"""Times, taken in turns, and figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table; `goal` is what to reach, at most unless `at_least`."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False

    def __str__(self) -> str:
        verdict = ""
        if self.goal is not None:
            reached = self.value >= self.goal if self.at_least else self.value <= self.goal
            verdict = f"   goal {'>=' if self.at_least else '<='} {self.goal:g}   {'reached' if reached else 'missed'}"
        return f"{self.what:58} {self.value:12.3f} {self.unit:8}{verdict}"


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each, all of them once a round, so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: statistics.median(taken) for name, taken in times.items()}
