"""What every command does that changes files: finish interrupted runs, plan, carry out and show, under one lock."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fustor_new._output import reporting, say_data, say_patch, warn
from fustor_new.changes.apply import apply, recover, strange_stages, working_in
from fustor_new.changes.patch import as_json, as_patch
from fustor_new.changes.plan import Plan

__all__ = ["Work", "carry_out", "settle"]


@dataclass(frozen=True)
class Work:
    """What a command is to do, and how it says so."""

    plan: Plan
    done: str
    """What has been done, should standard output fail: "the drivers exist"."""
    words: Callable[[], None]
    """Prints for people what was done."""
    more: Mapping[str, object] = field(default_factory=dict)
    """What JSON holds beside the plan."""
    proposed: Plan | None = None
    """What is printed in place of the plan, and by `words` in a dry run too: what is left for the user to do."""


def carry_out(
    work_in: Callable[[], Work], root: Path, *, dry_run: bool, json: bool, before: Iterable[Path] = ()
) -> None:
    """Do and show what `work_in` returns; it is called with the lock on `root`, so that what it reads stays as it is.

    Interrupted runs are finished or undone first, in `root` and in the directories `before`. A dry run locks nothing,
    changes nothing and prints the patch.

    Raises:
        FustorNewError: something stands in the way; nothing was changed.
    """
    if dry_run:
        work = work_in()
    else:
        for folder in before:  # each with a lock of its own, and before ours: runs never wait for each other in a ring
            _tell(folder, recover(folder))
        with working_in(root) as messages:
            _tell(root, messages)
            work = work_in()
            apply(work.plan)
    with reporting("nothing was to be changed" if dry_run or work.plan.is_empty else work.done):
        if json:
            say_data(as_json(work.proposed or work.plan, **work.more))
        elif dry_run and work.proposed is None:
            say_patch(as_patch(work.plan))
        else:
            work.words()


def settle(start: Path, words: Iterable[str | Path]) -> None:
    """Finish or undo interrupted runs at `start` and above what `words` name: what those mean is known only then."""
    above = (next(filter(os.path.isdir, (start / word).parents)) for word in words)  # of paths that cannot be, too
    for place in dict.fromkeys((start, *above)):
        for line in recover(place):
            warn(line)


def _tell(root: Path, messages: Iterable[str]) -> None:
    """Print what became of interrupted runs; what only looks like the trace of one is named, and left alone."""
    for line in (*messages, *strange_stages(root)):
        warn(line)
