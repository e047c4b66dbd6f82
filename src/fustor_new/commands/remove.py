"""`fustor-new remove`: the exact reverse of creation, and a refusal where an author's work would go with it.

A package is compared with what the template had made of it: the rest is the author's.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from functools import cached_property
from json import dumps
from pathlib import Path, PurePosixPath
from typing import Any

from fustor_new._output import reporting, say, say_data
from fustor_new._reading import read_bytes, walk
from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.patch import JSON_SCHEMA_VERSION
from fustor_new.changes.plan import Change, Plan, make_plan
from fustor_new.commands._run import Work, carry_out, settle
from fustor_new.errors import FustorNewError, TargetConflict, UsageProblem, WorkspaceError
from fustor_new.options import RemoveOptions
from fustor_new.package.metadata import Metadata
from fustor_new.package.verdicts import VERDICTS_FILE
from fustor_new.template.provenance import (
    ANSWERS_FILE,
    Record,
    likely_distribution,
    modified_files,
    read_record,
    rendered_files,
)
from fustor_new.template.wheels import is_carried
from fustor_new.workspace.drivers import require_driver
from fustor_new.workspace.finding import starting_point, workspace_of
from fustor_new.workspace.naming import driver_directory
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in
from fustor_new.workspace.unregistration import is_registered, mentions

__all__ = ["RemovalPlan", "plan_removal", "run"]

_LARGEST_SHOWN_BYTES = 1024 * 1024
_LITTER = frozenset(
    {"__pycache__", ".coverage", ".hypothesis", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".tox", ".venv"}
)
"""What tools make again, at any depth. `build` and `dist` are not among them: an author may call a directory so."""


@dataclass(frozen=True)
class _Review:
    """One package: everything that is in it, and what of it the template did not make."""

    shown: str
    tree: Tree
    record: Record | None
    modified: tuple[str, ...]
    """Files that were edited, or are missing."""
    foreign: tuple[str, ...]
    """Files that were never rendered; a directory full of them ends in a slash."""

    @property
    def is_untouched(self) -> bool:
        """Tell whether nothing of an author's is in it."""
        return self.record is not None and not self.modified and not self.foreign

    def outcome(self) -> list[str]:
        """The lines that say what was removed, with everything that cannot be rendered again."""
        lines = [f"{self.shown}: removed, {len(self.tree.files)} files"]
        lines += [f"    edited: {name}" for name in self.modified if name in self.tree.files]
        return lines + [f"    not rendered: {name}" for name in self.foreign]

    def as_text(self) -> str:
        """The difference for people: a diff from what was rendered, then the files that never were."""
        if self.record is None:
            return f"{self.shown} records nothing of a template ({ANSWERS_FILE}); all of it is the author's\n"
        lines = [f"{self.shown}, compared with what was rendered:", self.difference().rstrip("\n")]
        lines += [f"Not rendered: {self.shown}/{_one_line(name)}" for name in self.foreign]
        return "\n".join(line for line in lines if line) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "directory": self.shown,
            "template_version": self.record.template_version if self.record else None,
            "modified": list(self.modified),
            "foreign": list(self.foreign),
        }

    def difference(self) -> str:
        """The unified diff from what was rendered to what is there; names alone where that cannot be rendered again."""
        return "".join(
            _diff(f"{self.shown}/{_one_line(name)}", self._rendered.get(name), self.tree.files.get(name))
            for name in self.modified
        )

    @cached_property
    def _rendered(self) -> Mapping[str, FileContent]:
        try:
            return rendered_files(self.record) if self.record else {}
        except FustorNewError:  # a template that is not known here; the names of the files have to do
            return {}


@dataclass(frozen=True)
class RemovalPlan:
    """What a removal would do: the plan, and what would go with each package."""

    plan: Plan
    workspace: Workspace | None
    unregistrations: tuple[Registration, ...]
    reviews: tuple[_Review, ...]


def run(options: RemoveOptions) -> None:
    """Remove the driver packages that are named, or lie there, with their registrations: all or none.

    Raises:
        TargetConflict: a package is not as it was rendered and there is no `force`; the difference has been printed.
        FustorNewError: a name means nothing, or more than one thing; nothing is changed.
    """

    def work() -> Work:
        leaving = plan_removal(_folders(options), force=options.force)
        lost = [one for one in leaving.reviews if not one.is_untouched]
        if lost and not options.force:
            _refuse(lost, json=options.json)
        outcome = [line for one in leaving.reviews for line in one.outcome()] + _root_lines(leaving)
        more = {"packages": [one.as_dict() for one in leaving.reviews], "outcome": outcome}
        words = (line.replace("\n", "\\n") for line in outcome)
        return Work(leaving.plan, "the drivers are gone", lambda: say(*words), more)

    if not options.dry_run:
        settle(starting_point(options.workspace), options.names)
    root, _ = _surroundings(_folders(options))
    carry_out(work, root, dry_run=options.dry_run, json=options.json)


def plan_removal(folders: Sequence[Path], *, force: bool) -> RemovalPlan:
    """Return the plan that takes the packages away, one for all.

    With `force` it does not matter whether a record or a `pyproject.toml` can be read.

    Raises:
        FustorNewError: a directory holds no driver, or cannot be removed.
    """
    packages = [_driver(folder, force=force) for folder in folders]
    root, workspace = _surroundings(folders)
    for package in packages:
        _check_removable(package, root)
    reviews = tuple(_review(folder, os.path.relpath(folder, root), force=force) for folder in folders)
    removals = [Change(folder, one.tree, None) for folder, one in zip(folders, reviews, strict=True)]
    if workspace is None:
        return RemovalPlan(make_plan(root, removals), None, (), reviews)
    gone = tuple(Registration(workspace.relative(one.folder), one.name) for one in packages)
    return RemovalPlan(plan_in(workspace, removals, unregistrations=gone), workspace, gone, reviews)


def _driver(folder: Path, *, force: bool) -> Metadata:
    """Return what the driver says of itself; with `force`, where that is no TOML, what its record or directory says."""
    try:
        return require_driver(folder)
    except WorkspaceError as err:
        if not force:
            raise WorkspaceError(f"{err}, or remove the package unread with --force") from err
        if b"tool.uv.workspace" in read_bytes(folder / "pyproject.toml"):  # the root of a workspace, as far as it says
            raise
        return Metadata(folder, name=likely_distribution(folder))


def _folders(options: RemoveOptions) -> list[Path]:
    start = starting_point(options.workspace)
    return list(dict.fromkeys(driver_directory(name, start) for name in dict.fromkeys(options.names)))


def _surroundings(folders: Sequence[Path]) -> tuple[Path, Workspace | None]:
    """Return the directory that the drivers lie in, and the workspace that it is the root of, if any."""
    workspaces = {folder: workspace_of(folder) for folder in folders}
    roots = {workspace.root if workspace else folder.parent for folder, workspace in workspaces.items()}
    if len(roots) > 1:
        raise UsageProblem(f"The drivers lie in {len(roots)} places with nothing in common; run once for each")
    (root,) = roots
    return root, next(iter(workspaces.values()))


def _check_removable(package: Metadata, root: Path) -> None:
    folder = package.folder
    if not folder.is_relative_to(root) or ".." in folder.parts:
        raise UsageProblem(
            f"{str(folder)!r} lies outside of the workspace {str(root)!r}; run this in the project that it belongs to, "
            f"or unregister it here"
        )
    if folder.is_symlink():
        raise TargetConflict(f"{str(folder)!r} is a symlink; remove it by hand, or name the directory that it leads to")
    if Path.cwd().is_relative_to(folder):
        raise UsageProblem(f"{str(folder)!r} is where you are; go up before you remove it")
    if folder.is_mount():
        raise TargetConflict(f"{str(folder)!r} is a mount point; remove it by hand")
    if package.is_root:
        raise TargetConflict(f"{str(folder)!r} is the root of a workspace; remove it by hand")


def _refuse(lost: Sequence[_Review], *, json: bool) -> None:
    """Print what of the author's would go, and raise TargetConflict."""
    with reporting("nothing was changed"):
        if json:
            refused = [{**one.as_dict(), "diff": one.difference()} for one in lost]
            say_data(dumps({"schema": JSON_SCHEMA_VERSION, "refused": refused}, indent=2))
        else:
            say("\n".join(one.as_text() for one in lost))
    named = ", ".join(repr(one.shown) for one in lost)
    raise TargetConflict(f"{named} is not as it was rendered; save what is yours, or remove it all with --force")


def _root_lines(leaving: RemovalPlan) -> list[str]:
    """What became of the registrations, where a person may still have something to do."""
    workspace = leaving.workspace
    if workspace is None:
        return []
    lines = []
    for one in leaving.unregistrations:
        if is_registered(workspace, one.directory, one.distribution):
            lines.append(f"pyproject.toml: {one.distribution} is no longer registered")
        lines += [
            f"pyproject.toml: {place} still asks for {one.distribution}"
            for place in mentions(workspace, one.directory, one.distribution)
        ]
    return lines


def _review(folder: Path, shown: str, *, force: bool) -> _Review:
    """Compare the package in `folder` with its record; with `force` a record that cannot be used counts as none.

    Raises:
        FustorNewError: it cannot be compared; the message says why.
    """
    tree = _read(folder)
    try:
        record = read_record(folder)
        modified = modified_files(folder, record) if record else ()
        known = {*record.files, *filter(is_carried, tree.files)} if record else set()
    except FustorNewError:
        if not force:
            raise
        record, modified, known = None, (), set()
    return _Review(shown, tree, record, modified, tuple(_foreign(tree.files, known | {ANSWERS_FILE, VERDICTS_FILE})))


def _litter_in(folder: Path) -> frozenset[str]:
    """Return the names of entries below `folder` that tools make again."""
    found = set(_LITTER)

    def enters(name: str) -> bool:
        if name.endswith(".egg-info"):
            found.add(name)
        return name not in found

    deque(walk(folder, enters), maxlen=0)
    return frozenset(found)


def _read(folder: Path) -> Tree:
    try:
        return Tree.read(folder, _litter_in(folder))
    except OSError as err:
        raise TargetConflict(f"Cannot read {err.filename!r} ({err.strerror}); remedy that and run again") from err


def _foreign(files: Mapping[str, FileContent], known: set[str]) -> Iterator[str]:
    """Yield the files that are not known, and instead of those in a directory without known ones, that directory."""
    folders = {folder for name in known for folder in PurePosixPath(name).parents}
    seen = set()
    for name in sorted(files.keys() - known):
        strange = [folder for folder in PurePosixPath(name).parents if folder not in folders]
        shown = f"{strange[-1]}/" if strange else name
        if shown not in seen:
            seen.add(shown)
            yield shown


def _one_line(name: str) -> str:
    return name.replace("\n", "\\n")


def _diff(name: str, before: FileContent | None, after: FileContent | None) -> str:
    if before is None and after is not None:
        return f"{name} was edited\n"
    if after is None and before is None:
        return f"{name} is missing\n"
    if max(len(content.data) for content in (before, after) if content) > _LARGEST_SHOWN_BYTES:
        return f"{name} was edited, and is too large to be shown\n"
    texts = [_text(content) for content in (before, after)]
    if None in texts:
        return f"Binary files of {name} differ\n"
    old, new = ((text or "").splitlines(keepends=True) for text in texts)
    lines = unified_diff(old, new, f"{name} (as rendered)", name if after else os.devnull)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _text(content: FileContent | None) -> str | None:
    try:
        return content.data.decode() if content else ""
    except UnicodeDecodeError:
        return None
