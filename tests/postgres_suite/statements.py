"""PostgreSQL's own tests as cases: the regression suite, and the TAP tests of logical replication."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from postgres_suite.perl import read_script
from postgres_suite.source_archive import source_tree

_SQL, _TAP = "regress/sql", "subscription/t"
_SETUP = "test_setup"
# what needs a server of its own, users of its own, or leaves something behind in the whole cluster
_LEFT_OUT = {
    "create_role",  # and others: they make and alter roles of the cluster
    "database",
    "event_trigger",  # replaces the trigger that gives tables keys, or drops all of them
    "event_trigger_login",
    "infinite_recurse",  # crashes under some limits of the stack
    "largeobject",
    "maintain_every",
    "roleattributes",
    "tablespace",
    _SETUP,
}
# each call of a TAP test is a session of its own
_NEXT_SESSION = "\n;\n\\connect\n"


class Case(NamedTuple):
    """A script for `psql` whose effects the stream carries, and one that is run before there is a slot."""

    name: str
    script: str
    before: str = ""


def find_tests() -> Path | str:
    """The folder `src/test` of PostgreSQL's source, or why there is none: `FUSTOR_POSTGRES_TESTS`, else Debian's."""
    given = os.environ.get("FUSTOR_POSTGRES_TESTS")
    if shutil.which("psql") is None:
        return "The tests are written for psql, which is not installed"
    if given:
        return Path(given) if (Path(given) / _SQL).is_dir() else f"{given} has no {_SQL}"
    return source_tree()


def setup(folder: Path) -> str:
    """The script that the regression suite needs first."""
    return (folder / _SQL / f"{_SETUP}.sql").read_text()


def regression(folder: Path) -> list[Case]:
    """Each file of the regression suite."""
    files = sorted((folder / _SQL).glob("*.sql"))
    return [
        Case(file.stem, file.read_text(encoding="utf-8", errors="surrogateescape"))
        for file in files
        if file.stem not in _LEFT_OUT
    ]


def replication(folder: Path) -> list[Case]:
    """What each TAP test of logical replication does on its publishers."""
    scripts = {file.stem: read_script(file.read_text()) for file in sorted((folder / _TAP).glob("*.pl"))}
    print(f"{sum(script.left_out for script in scripts.values())} statements are put together at run time: left out")
    return [
        Case(f"tap_{name}", _NEXT_SESSION.join(script.after), _NEXT_SESSION.join(script.before))
        for name, script in scripts.items()
    ]
