"""Faults to inject at a step of a run, and what each must come out as."""

import errno
import os
import signal

from fustor_new.errors import EnvironmentProblem


class Fault(Exception):  # noqa: N818 - injected, no error of ours
    pass


def fail():
    raise Fault


def disk_full():
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")


FAULTS = {
    "exception": (fail, Fault),
    "full disk": (disk_full, EnvironmentProblem),
    "Ctrl-C": (lambda: signal.raise_signal(signal.SIGINT), KeyboardInterrupt),
}


def failing(run, act, expected):
    """Let `run` fail by `act` at each of its steps, and yield the step's name each time, until it goes through.

    `run` is called with the fault that it is to call before each step.
    """
    number = 0
    while True:
        reached = []

        def fault(name, reached=reached, number=number):
            reached.append(name)
            if len(reached) > number:
                act()

        try:
            run(fault)
        except expected:
            yield reached[-1]
        else:
            return
        number += 1
