"""A workspace with two drivers as they are rendered; as a script, `removing.py ROOT STEP`: remove one, killed there."""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from fustor_new.changes.apply import apply, recover
from fustor_new.changes.plan import NewTree, Registration, make_plan
from fustor_new.commands.removal import plan_removal
from fustor_new.workspace.root import Workspace

REDIS = "extensions/source-redis"
ROOT = """\
[tool.uv.workspace]
members = [
    "packages/*", # theirs
]

[tool.uv.sources]
fustor-core = { workspace = true }
"""


def rendered(folder, *names):
    """Return the files of new drivers, by name."""
    from fustor_new.commands.options import SourceOptions  # noqa: PLC0415 - the script needs none of it
    from fustor_new.commands.planning import check_names, locate, plan_drivers  # noqa: PLC0415

    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.uv.workspace]\n")
    options = SourceOptions(names=[*names], workspace=folder)
    plan = plan_drivers(check_names("source", options), options, locate(options), "index")
    return dict(zip(names, (tree.files for tree in plan.trees), strict=True))


def create(root, files, *names):
    """Create drivers with these files, as `fustor-new source` would."""
    registrations = [Registration(f"extensions/source-{name}", f"fustor-source-{name}") for name in names]
    trees = [NewTree(root / f"extensions/source-{name}", files[name]) for name in names]
    apply(make_plan(root, trees, workspace=Workspace.load(root), registrations=registrations))


def killer(number):
    """Return a fault that kills this process at a step."""
    steps = count()

    def fault(_step):
        if next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return fault


if __name__ == "__main__":
    recover(Path(sys.argv[1]))
    apply(plan_removal([Path(sys.argv[1]) / REDIS], force=False).plan, fault=killer(int(sys.argv[2])))
