"""Runs histories one after the other; the first that fails is cut to its shortest form and told with its replay."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence

from fustor_conformance._noting import left_out
from fustor_conformance.histories.draw import drawn
from fustor_conformance.histories.history import History
from fustor_conformance.histories.seeds import seeds_for
from fustor_conformance.histories.step import Step, parsed, written
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject

_SHRINK_PATIENCE = 4.0
"""How many times as long as a change may take is spent on finding a shorter history."""
_SEC_EACH = 0.15
"""What a random history may take on average: where a source is slow, fewer are run."""
_FEWEST = 2
_USUAL = 20
_WRITTEN_SEC = 45.0
"""What the histories written by hand may take: a slow source plays as many of them, and the verdict says how many."""


def run_histories(subject: SourceSubject) -> int:
    """How many histories ended with a view that equals the world.

    Raises:
        Broken: one did not; the evidence is the shortest that was found.
    """
    count = 0
    for steps in _histories(subject):
        error = _failure(subject, steps)
        if error is not None:
            raise _shortest(subject, steps, error) from error
        count += 1
    return count


def _histories(subject: SourceSubject) -> Iterator[list[Step]]:
    options = subject.options
    if options.history is not None:
        yield parsed(options.history)
        return
    seeds, began = seeds_for(subject), time.monotonic()
    for number, steps in enumerate(seeds):
        if time.monotonic() > began + _WRITTEN_SEC * max(1.0, options.histories / _USUAL):
            left_out(f"{len(seeds) - number} of {len(seeds)} written histories, for which the driver is slow")
            return
        yield steps
    until = time.monotonic() + _SEC_EACH * options.histories
    for number in range(options.histories):
        if number >= _FEWEST and time.monotonic() > until:
            return
        yield drawn(options.seed, number)


def _shortest(subject: SourceSubject, steps: list[Step], error: Exception) -> Broken:
    if subject.options.history is not None:
        return _told(subject, error, steps)
    seconds = _SHRINK_PATIENCE * subject.options.patience_sec
    shortest = shrink(steps, lambda kept: _failure(subject, kept) is not None, seconds)
    return _told(subject, _failure(subject, shortest) or error, shortest)


def _failure(subject: SourceSubject, steps: Sequence[Step]) -> Exception | None:
    """What the history ends with."""
    replay = _replay(subject, steps)  # noqa: F841 - a judge shows it of a history that hangs
    try:
        with History(subject) as history:
            for step in steps:
                history.do(step)
            history.judge()
    except NotImplementedError:
        raise
    except Exception as err:  # noqa: BLE001 - whatever a history ends with is what it shows
        return err
    return None


def shrink(steps: list[Step], fails: Callable[[Sequence[Step]], bool], seconds: float) -> list[Step]:
    """The shortest failing part that was found in time: ever smaller pieces are left out while it still fails."""
    deadline = time.monotonic() + seconds
    size = len(steps) // 2
    while size >= 1:
        start = 0
        while start < len(steps) and time.monotonic() < deadline:
            shorter = steps[:start] + steps[start + size :]
            if fails(shorter):
                steps = shorter
            else:
                start += size
        size //= 2
    return steps


def _told(subject: SourceSubject, error: Exception, steps: Sequence[Step]) -> Broken:
    seen = error.seen if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
    evidence = error.evidence if isinstance(error, Broken) else tuple(traceback.format_tb(error.__traceback__)[-4:])
    return Broken(f"{seen}\n  replay: {_replay(subject, steps)}", *evidence)


def _replay(subject: SourceSubject, steps: Sequence[Step]) -> str:
    return f"fustor-driver conform source {subject.name} R05 --history '{written(steps)}'"
