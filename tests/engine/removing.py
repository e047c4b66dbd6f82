"""A workspace with two drivers as they are rendered; as a script, `removing.py ROOT STEP [DIRECTORY]`: remove one.

It is killed at that step, and at step -1 not at all.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from fustor_new.changes.apply import apply, working_in
from fustor_new.changes.content import Tree
from fustor_new.changes.plan import Change
from fustor_new.commands.remove import plan_removal
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in

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
    from fustor_new.commands.planning import check_names, locate, plan_drivers  # noqa: PLC0415
    from fustor_new.options import SourceOptions  # noqa: PLC0415 - the script needs none of it

    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.uv.workspace]\n")
    options = SourceOptions(names=[*names], workspace=folder)
    plan = plan_drivers(check_names(options), options, locate(options), "index")
    return dict(zip(names, (change.after.files for change in plan.changes if change.creates_tree), strict=True))


def create(root, files, *names):
    """Create drivers with these files, as `fustor-new source` would."""
    registrations = [Registration(f"extensions/source-{name}", f"fustor-source-{name}") for name in names]
    changes = [Change(root / f"extensions/source-{name}", None, Tree(files[name])) for name in names]
    apply(plan_in(Workspace.load(root), changes, registrations=registrations))


def killer(number):
    """Return a fault that kills this process at a step."""
    steps = count()

    def fault(_step):
        if next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return fault


if __name__ == "__main__":
    root, step, directory = Path(sys.argv[1]), int(sys.argv[2]), (*sys.argv[3:], REDIS)[0]
    with working_in(root):
        apply(plan_removal([root / directory], force=False).plan, fault=killer(step))
