"""Runs histories one after the other; the first that fails is cut to its shortest form and told with its replay."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fustor_conformance._noting import left_out
from fustor_conformance.histories.changes import Step, parsed, written
from fustor_conformance.histories.history import History
from fustor_conformance.histories.seeds import drawn, seeds_for
from fustor_conformance.outcome import Broken, NotJudged, as_broken
from fustor_conformance.subject import SourceSubject

_SHRINK_SEC = 6.0
"""What is spent on finding a shorter history; where that is too little, the one that failed is printed as it is."""
_REPLAYS = 10
"""How many must fit into that time for it to be worth a beginning."""
_SEC_EACH = 0.15
"""What a random history may take on average: where a source is slow, fewer are run."""
_FEWEST = 2
_USUAL = 20
_WRITTEN_SEC = 45.0
_SLOW_SEC = 6.0
"""What the histories may take, and what they may with a slow driver; what is not played stands in the verdict."""
_WAITING = frozenset({"compare", "catch_up", "arrive", "run_audit", "run_pairs", "finish_audit"})
_SLOW_WAIT_SEC = 0.4
"""What a driver of usual speed needs a tenth of, each time that a history waits for it."""


@dataclass(frozen=True)
class _Failed:
    """What a history ended with, how many of its steps had been done, and what it took."""

    error: Exception
    done: int
    seconds: float


def run_histories(subject: SourceSubject) -> int:
    """How many histories ended with a view that equals the world.

    Raises:
        Broken: one did not; the evidence is the shortest that was found.
    """
    count = 0
    for steps in _histories(subject):
        failed = _failure(subject, steps)
        if failed is not None:
            raise _shortest(subject, steps, failed) from failed.error
        count += 1
    return count


def _histories(subject: SourceSubject) -> Iterator[list[Step]]:
    options = subject.options
    if options.history is not None:
        yield parsed(options.history)
        return
    seeds, began = seeds_for(subject), time.monotonic()
    most = max(1.0, options.histories / _USUAL)
    until, wait = began + _WRITTEN_SEC * most, 0.0
    for number, steps in enumerate(seeds):
        if number == 1 and (wait := (time.monotonic() - began) / _waits(seeds[0])) > _SLOW_WAIT_SEC:
            until = began + _SLOW_SEC * most
        if number and time.monotonic() + _waits(steps) * wait > until:
            left_out(f"{len(seeds) - number} of {len(seeds)} written histories, for which the driver is slow")
            if until < began + _WRITTEN_SEC * most:
                left_out(
                    f"random histories ({wait:.1f} s pass before a change is emitted; let the World configure less)"
                )
                return
            break
        yield steps
    until = time.monotonic() + _SEC_EACH * options.histories
    for number in range(options.histories):
        if number >= _FEWEST and time.monotonic() > until:
            return
        yield drawn(options.seed, number)


def _waits(steps: Sequence[Step]) -> int:
    """How often the history waits for a change to come."""
    return sum(step.name in _WAITING for step in steps) or 1


def _shortest(subject: SourceSubject, steps: list[Step], failed: _Failed) -> Broken:
    """The failure of the shortest history that fails too, which is the same whenever the same histories are drawn.

    What comes after the step that failed is left out. Where there is no time to try shorter ones, or the failure does
    not come again, it stays at that.
    """
    told = _told(subject, failed.error, kept := steps[: failed.done + 1])
    if subject.options.history is not None or failed.seconds * _REPLAYS > _SHRINK_SEC:
        return told
    with subject.manners.hurried():
        shortest = shrink(kept, lambda shorter: _failure(subject, shorter) is not None, _SHRINK_SEC)
    again = _failure(subject, shortest)
    return told if again is None else _told(subject, again.error, shortest)


def _failure(subject: SourceSubject, steps: Sequence[Step]) -> _Failed | None:
    """What the history ends with, if it does not end well."""
    replay = _replay(subject, steps)  # noqa: F841 - a judge shows it of a history that hangs
    done, began = 0, time.monotonic()
    try:
        with History(subject) as history:
            for step in steps:
                history.do(step)
                done += 1
            history.judge()
    except (NotImplementedError, NotJudged):
        raise
    except Exception as err:  # noqa: BLE001 - whatever a history ends with is what it shows
        return _Failed(err, done, time.monotonic() - began)
    return None


def shrink(steps: list[Step], fails: Callable[[Sequence[Step]], bool], seconds: float) -> list[Step]:
    """The shortest failing part: ever smaller pieces are left out while it still fails; all, if time is too short."""
    whole, deadline = steps, time.monotonic() + seconds
    size = len(steps) // 2
    while size >= 1:
        start = 0
        while start < len(steps):
            if time.monotonic() > deadline:
                return whole
            shorter = steps[:start] + steps[start + size :]
            if fails(shorter):
                steps = shorter
            else:
                start += size
        size //= 2
    return steps


def _told(subject: SourceSubject, error: Exception, steps: Sequence[Step]) -> Broken:
    return as_broken(error, lambda seen: f"{seen}\n  replay: {_replay(subject, steps)}", 4)


def _replay(subject: SourceSubject, steps: Sequence[Step]) -> str:
    return f"fustor-driver conform source {subject.name} R05 --history '{written(steps)}'"
