"""A run in a process of its own: child.py ROOT NAME MODE.

With `ready` it says so before it does anything, with `wait` before it writes its first file, and goes on when told.
"""

import os
import sys
from pathlib import Path

from fustor_new.changes.apply import apply, working_in
from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.plan import Change
from fustor_new.names import derive
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in


def wait():
    os.write(1, b"waiting\n")
    sys.stdin.readline()


def wait_at_the_stage(step):
    if step.startswith("stage"):
        wait()


def main(root, name, fault):
    names = derive("source", name)
    with working_in(root):
        plan = plan_in(
            Workspace.load(root),
            [Change(root / names.directory, None, Tree({"driver.py": FileContent(b"x = 1\n")}))],
            registrations=[Registration(names.directory, names.distribution)],
        )
        apply(plan, fault=fault)


if __name__ == "__main__":
    if sys.argv[3] == "ready":
        wait()
    main(Path(sys.argv[1]), sys.argv[2], wait_at_the_stage if sys.argv[3] == "wait" else lambda _: None)
