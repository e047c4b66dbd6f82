"""Runs that end in the middle: killed at a step that is called by its name. `kills.py STEP` is such a run."""

import os
import pickle
import signal
import subprocess
import sys

from fustor_new.changes.apply import apply

BEFORE_ANYTHING = ("lock the root", "create the stage")
"""Steps at which a killed run leaves nothing behind."""
JOURNAL = "write the journal"
"""A run that is killed up to this step is undone, one that is killed later is finished."""
_DEADLINE_SEC = 60


def kill_at(step, plan):
    """Carry the plan out in a process of its own, which kills itself just before the step."""
    command = [sys.executable, __file__, step]
    done = subprocess.run(command, input=pickle.dumps(plan), check=False, timeout=_DEADLINE_SEC)
    assert done.returncode == -signal.SIGKILL, f"the run never came to {step!r}"


def verbs_after(step, steps):
    """The first words of what the next run says."""
    verb = "Undid" if steps.index(step) <= steps.index(JOURNAL) else "Finished"
    return [] if step in BEFORE_ANYTHING else [verb]


def _main(wanted):
    def fault(step):
        if step == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    apply(pickle.load(sys.stdin.buffer), fault=fault)  # noqa: S301 - the test wrote it


if __name__ == "__main__":
    _main(sys.argv[1])
