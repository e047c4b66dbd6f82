"""What there is to examine below the paths of a command line, and what the checks find there."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fustor_new._output import from_here
from fustor_new._reading import read_bytes
from fustor_new.changes.plan import Change
from fustor_new.doctor.finding import Finding, Recover
from fustor_new.doctor.registry import examine_package, examine_root
from fustor_new.doctor.subject import Root, Subject
from fustor_new.errors import UsageProblem, WorkspaceError, disk_allows
from fustor_new.package.descriptions import holds_package
from fustor_new.workspace.finding import find_workspace, home_of
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import root_place

__all__ = ["Subjects", "examine", "find_subjects"]


@dataclass(frozen=True)
class Subjects:
    """Workspaces, and packages that are examined alone."""

    roots: tuple[Root, ...] = ()
    alone: tuple[Subject, ...] = ()

    @property
    def packages(self) -> tuple[Subject, ...]:
        """Every driver package among them."""
        return (*(package for root in self.roots for package in root.drivers), *self.alone)

    @property
    def folders(self) -> list[Path]:
        """The directories that changes are made below."""
        return [*(root.workspace.root for root in self.roots), *(package.folder for package in self.alone)]


def find_subjects(paths: Sequence[Path], start: Path | None = None) -> Subjects:
    """Return what `paths` name: a workspace with its drivers, or single packages; without paths, what is around.

    That is around `start`, by default the current directory.

    Raises:
        UsageProblem: a path holds no package.
        WorkspaceError: the root cannot be read.
    """
    with disk_allows():
        if not paths:
            return _around(start or Path.cwd())
        folders = list(dict.fromkeys(Path(os.path.realpath(path)) for path in paths))
        roots = tuple(Root(Workspace.load(folder)) for folder in folders if _is_root(folder))
        alone = [_package(folder) for folder in folders if not _is_root(folder)]
        return Subjects(roots, tuple(alone))


def examine(subjects: Subjects) -> list[Finding]:
    """Return all findings, workspaces first, each package's in the order of the table.

    Raises:
        EnvironmentProblem: something cannot be read.
    """
    with disk_allows():
        found = [_permitted(one, root.workspace.root) for root in subjects.roots for one in examine_root(root)]
        for root in subjects.roots:
            places = ((package, root.workspace.root) for package in root.drivers)
            found += [_permitted(one, base) for package, base in places for one in examine_package(package)]
        for package in subjects.alone:
            found += [_permitted(one, package.folder) for one in examine_package(package)]
        return found


def _permitted(finding: Finding, base: Path) -> Finding:
    """Return the finding, without its repair where that would write outside of `base`, a real path."""
    match finding.repair:
        case None:
            return finding
        case Registration():
            allowed = _is_root_file_inside(base)
        case Change(path=path) | Recover(folder=path):
            is_root_file = path == base / "pyproject.toml"
            allowed = _is_root_file_inside(base) if is_root_file else _is_plainly_below(path, base)
    return finding if allowed else replace(finding, repair=None)


def _is_root_file_inside(base: Path) -> bool:
    try:
        root_place(base, base / "pyproject.toml")
    except WorkspaceError:
        return False
    return True


def _is_plainly_below(path: Path, base: Path) -> bool:
    """Tell whether `path` is spelled as a place below `base`, or `base` itself, and no part of it is a symlink."""
    if not path.is_relative_to(base) or ".." in path.parts:
        return False
    within = [path, *path.parents][: len(path.parts) - len(base.parts)]
    return not any(os.path.islink(part) for part in within)  # noqa: PTH114 - takes any name


def _around(here: Path) -> Subjects:
    try:
        return Subjects(roots=(Root(find_workspace(here)),))
    except WorkspaceError:
        nearest = next((folder for folder in (here, *here.parents) if holds_package(folder)), None)
        if nearest is None or _is_root(nearest):
            raise
        return Subjects(alone=(_package(nearest.resolve()),))


def _is_root(folder: Path) -> bool:
    path = folder / "pyproject.toml"
    if not path.is_file():
        return False
    try:
        return Workspace.parse(folder, read_bytes(path)).is_declared
    except WorkspaceError:  # broken: a root if the word is there, else a package, which a check says
        return b"[tool.uv.workspace" in read_bytes(path)


def _package(folder: Path) -> Subject:
    if not holds_package(folder):
        raise UsageProblem(f"{str(folder)!r} holds no package; name a workspace's root or the directory of a driver")
    return Subject(folder, from_here(folder), home_of(folder))
