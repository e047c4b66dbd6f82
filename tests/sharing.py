"""What costs much to make is made once for all processes of a run."""

import fcntl
import os
import shutil
from pathlib import Path


def folder_of_run(tmp_path_factory):
    """The folder that all processes of one run have in common."""
    own = Path(tmp_path_factory.getbasetemp())
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(base, name, make):
    """The folder `name` below `base`, filled by `make` in the first process that asks for it."""
    folder, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what an attempt that failed has left
            make(folder)
            done.touch()
    return folder
