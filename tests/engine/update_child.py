"""A pickled plan from standard input, carried out by a process that kills itself at step `update_child.py STEP`."""

import os
import pickle
import signal
import sys
from itertools import count

from fustor_new.changes.apply import apply

if __name__ == "__main__":
    number, steps = int(sys.argv[1]), count()

    def fault(_step):
        if next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    apply(pickle.load(sys.stdin.buffer), fault=fault)  # noqa: S301 - the test wrote it
