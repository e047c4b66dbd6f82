"""A plan of every kind of change, in a world made for it; as a script, `changes.py ROOT STEP`, killed at that step."""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from fustor_new.changes.apply import apply, recover
from fustor_new.changes.plan import Edit, FileContent, NewTree, Registration, Removal, make_plan, read_file
from fustor_new.workspace.root import Workspace

ROOT = """\
[tool.uv.workspace]
members = [
    "extensions/source-mine",
]
"""
MINE = "extensions/source-mine"
OLD = "extensions/source-old"


def world(root):
    """Make a workspace with a package to change and a package to remove."""
    files = {
        "pyproject.toml": ROOT,
        f"{MINE}/pyproject.toml": '[project]\nname = "fustor-source-mine"\nversion = "1"\n',
        f"{MINE}/edited.py": "one\ntwo\nthree\n",
        f"{MINE}/run": "#!/bin/sh\n",
        f"{MINE}/gone/deep/only.py": "last of its directory\n",
        f"{MINE}/same.py": "untouched",
        f"{OLD}/src/driver.py": "x = 1\n",
        f"{OLD}/empty": "",
        f"{OLD}/no end": "a\nb",
        f"{OLD}/src/__pycache__/driver.pyc": "made again",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / MINE / "gone").chmod(0o750)
    (root / MINE / "edited.py").chmod(0o640)
    (root / OLD / "link").symlink_to("src/driver.py")


def plan_for(root):
    """Return a plan that creates, replaces, deletes, makes executable, takes away and registers."""
    mine = root / MINE
    before = {path: read_file(path) for path in (mine / "edited.py", mine / "run", mine / "gone/deep/only.py")}
    edits = [
        Edit(mine / "edited.py", before[mine / "edited.py"].data, b"one\n2\nthree"),
        Edit.between(mine / "run", before[mine / "run"], FileContent(b"#!/bin/sh\n", 0o755)),
        Edit(mine / "gone/deep/only.py", before[mine / "gone/deep/only.py"].data, None),
        Edit.between(mine / "new/dir/edited.py", None, FileContent(b"new\n", 0o755)),
        Edit.between(mine / "new/empty", None, FileContent(b"")),
    ]
    return make_plan(
        root,
        [NewTree(root / "extensions/source-new", {"driver.py": FileContent(b"y = 1\n")})],
        workspace=Workspace.load(root),
        registrations=[Registration("extensions/source-new", "fustor-source-new")],
        edits=edits,
        removals=[Removal.read(root / OLD, frozenset({"__pycache__"}))],
    )


def killer(number):
    """Return a fault that kills this process at a step."""
    steps = count()

    def fault(_step):
        if next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return fault


if __name__ == "__main__":
    recover(Path(sys.argv[1]))
    apply(plan_for(Path(sys.argv[1])), fault=killer(int(sys.argv[2])))
