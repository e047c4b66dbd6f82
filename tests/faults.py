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
