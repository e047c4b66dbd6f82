"""Checks of the workspace's root: what interrupted runs left, and who is a member."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from fustor_new._reading import is_directory
from fustor_new._toml import table
from fustor_new.changes.apply import abandoned_stages
from fustor_new.changes.content import Tree
from fustor_new.changes.plan import Change
from fustor_new.doctor.finding import Fault, Recover, Severity
from fustor_new.doctor.git_files import known_to_git
from fustor_new.doctor.registry import root_check
from fustor_new.doctor.subject import Root
from fustor_new.workspace import patterns
from fustor_new.workspace.installing import is_left_out
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Standing

__all__ = ["STRANGE", "STRANGE_FIX"]

STRANGE = "It is named like what an interrupted run leaves, and no run of yours made it"
STRANGE_FIX = "Look at it, and remove it: it came with the checkout, or from another machine"
"""What to do about a directory that only looks like the trace of a run."""
_COMPILED = frozenset({"__pycache__"})


@root_check(
    "W01-leftovers",
    Severity.ERROR,
    rule="No interrupted run of fustor-new waits to be finished or undone",
    why="A driver may be half in place: moved, and not yet registered",
    fix="Run `fustor-new doctor --fix`, or any command that changes the workspace: each first finishes or undoes it",
    is_safe=True,
)
def _leftovers(root: Root) -> Iterator[Fault]:
    folder = root.workspace.root
    ours, strange = abandoned_stages(folder)
    for stage in ours:
        yield Fault(stage.name, "An interrupted run left this behind", repair=Recover(folder))
    for stage in strange:
        yield Fault(stage.name, STRANGE, fix=STRANGE_FIX)


@root_check(
    "W02-member-without-project",
    Severity.ERROR,
    rule="A directory that a pattern of `members` finds has a pyproject.toml",
    why="uv refuses every command of the whole workspace over one such directory",
    fix="Restore its pyproject.toml, move the directory away, or name it in `exclude`",
    is_safe=True,
)
def _member_without_project(root: Root) -> Iterator[Fault]:
    for directory in root.workspace.directories:
        folder = root.workspace.root / directory
        is_hidden = any(part.startswith(".") for part in Path(directory).parts)
        if not is_directory(folder) or is_hidden or (folder / "pyproject.toml").is_file():
            continue
        files = known_to_git(folder)
        if files:  # uv passes by what is empty, or holds only what git ignores
            is_only_compiled = all("__pycache__" in name.split("/") for name in files)
            repair = Change(folder, Tree({}, _COMPILED), None) if is_only_compiled else None
            yield Fault(directory, f"It is a member without a pyproject.toml, and holds {files[0]!r}", repair=repair)


@root_check(
    "W03-listed-member-missing",
    Severity.WARNING,
    rule="Every directory that `members` names exists",
    why="uv ignores it silently: what is meant to be there is neither installed nor tested",
    fix="Take the line out of `members`, or restore the directory",
)
def _listed_member_missing(root: Root) -> Iterator[Fault]:
    for pattern in root.workspace.members:
        if not patterns.has_magic(pattern) and not is_directory(root.workspace.root / pattern):
            yield Fault("pyproject.toml", f"`members` names {pattern!r}, which is not a directory")


@root_check(
    "W04-exclude-hides-member",
    Severity.WARNING,
    rule="No pattern of `exclude` hides a driver that `members` names or finds",
    why="uv leaves it out silently: it is neither installed nor tested with the others",
    fix="Narrow the pattern, or move the driver elsewhere",
)
def _exclude_hides_member(root: Root) -> Iterator[Fault]:
    for package in root.hidden:
        pattern = root.workspace.membership(package.shown).pattern
        yield Fault("pyproject.toml", f"`exclude` hides the driver {package.shown!r} by {pattern!r}")


@root_check(
    "W05-listed-once",
    Severity.WARNING,
    rule="`members` names a directory once",
    why="Whoever removes the driver takes out one of the lines, and the other one breaks the workspace",
    fix="Keep one of the lines",
)
def _listed_once(root: Root) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for pattern in root.workspace.members:
        plain = patterns.normalized(pattern)
        if plain in seen:
            yield Fault("pyproject.toml", f"`members` holds {pattern!r}, which {seen[plain]!r} says already")
        seen.setdefault(plain, pattern)


@root_check(
    "W06-driver-not-registered",
    Severity.ERROR,
    rule="A driver in `extensions/` is a member of the workspace",
    why="uv neither installs nor tests it, and hosts in this environment do not find it",
    fix="Run `fustor-new doctor --fix`, or `fustor-new register` with its directory",
    is_safe=True,
)
def _driver_not_registered(root: Root) -> Iterator[Fault]:
    for package in root.unlisted:
        if root.workspace.membership(package.shown).standing is Standing.ABSENT and package.looks_like_a_driver:
            name = package.metadata.name
            yield Fault(
                package.shown,
                "It is not a member of the workspace",
                repair=Registration(package.shown, name) if name else None,
            )


@root_check(
    "W07-nested-repository",
    Severity.WARNING,
    rule="No member is a git repository of its own, unless git knows it as a submodule",
    why="git records a nested repository as an empty entry: whoever clones the workspace gets none of its files",
    fix="Remove its .git directory once its history is safe, or add it with `git submodule add`",
)
def _nested_repository(root: Root) -> Iterator[Fault]:
    for package in (*root.members, *root.unlisted):
        if (package.folder / ".git").is_dir():
            yield Fault(package.place(".git"), "The member is a repository inside the repository")


@root_check(
    "W16-driver-not-installed",
    Severity.ERROR,
    rule="The `dev` extra that installs the drivers installs every one that is a member",
    why="`uv sync --extra dev` leaves it out, so hosts in this environment do not find it and its tests fail",
    fix="Run `fustor-new register` with its directory, as `fustor-new doctor --fix` does",
    is_safe=True,
)
def _driver_not_installed(root: Root) -> Iterator[Fault]:
    for package in root.managed:
        name = package.metadata.name
        if package.looks_like_a_driver and name and is_left_out(root.workspace, name):
            yield Fault(
                package.shown,
                "It is a member, and no command installs it: it is not in the `dev` extra of the root",
                fix=f"Run `fustor-new register {shlex.quote(package.shown)}`",
                repair=Registration(package.shown, name),
            )


@root_check(
    "W17-member-that-uv-reads",
    Severity.ERROR,
    rule="Every member has a [project] table with a name, and a version or `dynamic` for it",
    why="uv refuses every command of the whole workspace over one member without them",
    fix='Write `name` and `version = "0.1.0"` under [project], or name the directory in `exclude`',
)
def _member_that_uv_reads(root: Root) -> Iterator[Fault]:
    for package in (one for one in root.managed if not one.looks_like_a_driver):  # a driver's checks say it of drivers
        project = table(package.metadata.project, "project")
        if not project:
            yield Fault(package.metadata_place, "It has no [project] table")
        elif lacking := [key for key in ("name", "version") if key not in {*project, *package.metadata.dynamic}]:
            yield Fault(package.metadata_place, f"Its [project] has no {' and no '.join(lacking)}")
