"""Interrupted runs settled before a command plans anything, with a line for each on standard error."""

from pathlib import Path

from fustor_new._output import warn
from fustor_new.changes.apply import recover, strange_stages

__all__ = ["settle"]


def settle(root: Path) -> bool:
    """Finish or undo what killed runs have left in `root`; tell whether anything was done.

    What only looks like the trace of a run is named and left alone. Raises EnvironmentProblem where the disk does not
    allow it.
    """
    done = recover(root)
    for line in (*done, *strange_stages(root)):
        warn(line)
    return bool(done)
