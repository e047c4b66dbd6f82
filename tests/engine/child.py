"""A run in a process of its own: child.py ROOT NAME [NUMBER | wait].

At step NUMBER it kills itself; with `wait` it says so before it writes its first file, and goes on when told.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from fustor_new.changes.apply import apply, recover
from fustor_new.changes.plan import FileContent, NewTree, Registration, make_plan
from fustor_new.names import derive
from fustor_new.workspace.root import Workspace


def killer(number):
    steps = count()

    def fault(_step):
        if next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return fault


def wait(step):
    if step.startswith("stage"):
        os.write(1, b"waiting\n")
        sys.stdin.readline()


def main(root, name, fault):
    names = derive("source", name)
    recover(root)
    plan = make_plan(
        root,
        [NewTree(root / names.directory, {"driver.py": FileContent(b"x = 1\n")})],
        workspace=Workspace.load(root),
        registrations=[Registration(names.directory, names.distribution)],
    )
    apply(plan, fault=fault)


if __name__ == "__main__":
    mode = sys.argv[3]
    main(Path(sys.argv[1]), sys.argv[2], wait if mode == "wait" else killer(int(mode)))
