"""Checks of the files around the code: types, the suite, the sample configuration, and what does not belong there."""

import ast
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fustor_new._reading import read_bytes
from fustor_new._toml import find, table
from fustor_new._yaml import DocumentError, parse_yaml
from fustor_new.changes.apply import abandoned_stages
from fustor_new.changes.content import FileContent
from fustor_new.changes.plan import Change
from fustor_new.doctor.finding import Fault, Recover, Severity
from fustor_new.doctor.git_files import tracked_by_git
from fustor_new.doctor.registry import package_check
from fustor_new.doctor.subject import Subject
from fustor_new.doctor.workspace_checks import STRANGE, STRANGE_FIX
from fustor_new.kinds import Kind
from fustor_new.package.code import SourceError, parse_python

__all__ = ["SUITE", "runs_the_kit"]

SUITE = "tests/test_conformance.py"

_TEXTS = {".py", ".toml", ".yml", ".yaml", ".md", ".cfg", ".ini", ".txt"}
_YAML_BYTES = 256 * 1024
_LEFT_BY_TOOLS = {"__pycache__", "build", "dist", "node_modules"}
_DEEPEST = 100
_MARKERS = (b"<<<<<<< ", b">>>>>>> ")
_CLUTTER = ("__pycache__/", ".pyc", ".pyo", ".egg-info/", ".DS_Store", ".venv/", ".pytest_cache/", ".mypy_cache/")


@package_check(
    "D50-types-are-published",
    Severity.WARNING,
    rule="The import package has a py.typed",
    why="Without it type checkers take everything in it for Any",
    fix="Add an empty py.typed beside __init__.py",
    is_safe=True,
)
def _types_are_published(package: Subject) -> Iterator[Fault]:
    names = {point.entry.value.partition(":")[0].partition(".")[0].strip() for point in package.points}
    for name in sorted(names & set(package.code.packages)):
        here = package.code.modules.get(name)
        if here is not None and here.is_package and not (here.path.parent / "py.typed").exists():
            path = here.path.with_name("py.typed")
            yield Fault(package.place(path), "It is missing", repair=Change(path, None, FileContent(b"")))


@package_check(
    "D51-conformance-suite",
    Severity.WARNING,
    rule="tests/test_conformance.py subclasses the conformance kit",
    why="A driver proves itself by the kit's checks; without them nobody knows what it does under a host",
    fix="Run `fustor-new adopt --apply` on the package, which writes the file where it is missing",
    is_safe=True,
)
def _conformance_suite(package: Subject) -> Iterator[Fault]:
    path = package.folder / SUITE
    if not path.is_file():
        yield Fault(package.place(path), "It is missing", repair=package.restored(SUITE))
    elif not runs_the_kit(path):
        what = f"No class in it inherits from {' or '.join(kind.suite for kind in Kind)}"
        fix = "Let its class inherit from one of them, or move the file away and run `fustor-new adopt --apply`"
        yield Fault(package.place(path), what, fix=fix)


@package_check(
    "D52-sample-configuration",
    Severity.WARNING,
    rule="fustor.yaml shows how this driver is configured",
    why="It is the first thing that an operator copies",
    fix="Write a fustor.yaml with `sources:` or `pushers:` and one entry whose `driver` is the entry point",
)
def _sample_configuration(package: Subject) -> Iterator[Fault]:
    path = package.folder / "fustor.yaml"
    if not path.is_file():
        yield Fault(package.place(path), "It is missing")
        return
    try:
        data = parse_yaml(read_bytes(path, limit_bytes=_YAML_BYTES))
    except DocumentError as err:  # says nothing of what stands there, as passwords do
        yield Fault(package.place(path), f"It cannot be read: {err}", fix="Repair it")
        return
    named, own = set(_drivers_in(data)), {point.entry.name for point in package.points}
    if own and not named & own:
        what = (
            f"It names the driver {', '.join(map(repr, sorted(named)))}" if named else "No entry of it names a driver"
        )
        yield Fault(package.place(path), what)


@package_check(
    "D53-no-conflict-markers",
    Severity.ERROR,
    rule="No file holds the markers of a merge that nobody has finished",
    why="Both sides of the conflict stand there, one after the other",
    fix="Decide between the two sides, and take the lines with <<<<<<<, ======= and >>>>>>> out",
)
def _no_conflict_markers(package: Subject) -> Iterator[Fault]:
    for path in _iter_files(package.folder):
        if path.suffix not in _TEXTS:
            continue
        lines = _lines(path)
        found = [next((n for n, line in enumerate(lines, 1) if line.startswith(marker)), 0) for marker in _MARKERS]
        if all(found):
            yield Fault(package.place(path, found[0]), "A merge was not finished here")


@package_check(
    "D54-no-clutter-in-git",
    Severity.WARNING,
    rule="git tracks nothing that tools write anew",
    why="It changes with every run, and what is compiled hides what the source says",
    fix="Run `git rm -r --cached` on it, and name it in .gitignore",
)
def _no_clutter_in_git(package: Subject) -> Iterator[Fault]:
    tracked = [path for path in tracked_by_git(package.folder) if any(mark in path for mark in _CLUTTER)]
    if tracked:
        more = f" and {len(tracked) - 1} more" if len(tracked) > 1 else ""
        yield Fault(package.place(tracked[0]), f"git tracks it{more}")


@package_check(
    "D55-leftovers",
    Severity.ERROR,
    rule="No interrupted run of fustor-new in this directory waits to be finished or undone",
    why="Some of what it was to write may be in place, and some not",
    fix="Run `fustor-new doctor --fix`: it finishes or undoes it",
    is_safe=True,
)
def _leftovers(package: Subject) -> Iterator[Fault]:
    ours, strange = abandoned_stages(package.folder)
    for stage in ours:
        yield Fault(package.place(stage), "An interrupted run left this behind", repair=Recover(package.folder))
    for stage in strange:
        yield Fault(package.place(stage), STRANGE, fix=STRANGE_FIX)


def runs_the_kit(path: Path) -> bool:
    """Tell whether a test module has a class that runs the kit's checks."""
    try:
        tree = parse_python(path)
    except SourceError:
        return False
    bases = {ast.unparse(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}
    return bool({base.rpartition(".")[2] for base in bases} & {kind.suite for kind in Kind})


def _lines(path: Path) -> list[bytes]:
    """Return the lines of a text, none of one that nobody merges by hand as it is too large."""
    try:
        return read_bytes(path).splitlines()
    except OSError as err:
        if err.errno == errno.EFBIG:
            return []
        raise


def _iter_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a package, without hidden directories and what tools leave behind."""
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        for path in sorted(here.iterdir(), reverse=True):
            if path.is_dir() and not path.is_symlink():
                is_left = path.name.startswith(".") or path.name in _LEFT_BY_TOOLS or path.suffix == ".egg-info"
                if not is_left and depth < _DEEPEST:
                    waiting.append((path, depth + 1))
            elif path.is_file():
                yield path


def _drivers_in(data: Any) -> Iterator[str]:
    for kind in Kind:
        for entry in table(data, kind.section).values():
            if isinstance(driver := find(entry, ("driver",)), str):
                yield driver
