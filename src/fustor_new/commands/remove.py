"""`fustor-new remove`: the exact reverse of creation, and a refusal where an author's work would go with it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path

from fustor_new._output import reporting, say, say_data
from fustor_new._reading import read_bytes
from fustor_new.changes.patch import JSON_SCHEMA_VERSION
from fustor_new.changes.plan import Change, Plan, make_plan
from fustor_new.commands._run import Work, carry_out
from fustor_new.commands.review import Review, review
from fustor_new.errors import TargetConflict, UsageProblem, WorkspaceError
from fustor_new.options import RemoveOptions
from fustor_new.package.metadata import Metadata
from fustor_new.template.provenance import likely_distribution
from fustor_new.workspace.drivers import require_driver
from fustor_new.workspace.finding import starting_point, workspace_of
from fustor_new.workspace.naming import driver_directory
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in
from fustor_new.workspace.unregistration import is_registered, mentions

__all__ = ["RemovalPlan", "plan_removal", "run"]


@dataclass(frozen=True)
class RemovalPlan:
    """What a removal would do: the plan, and what would go with each package."""

    plan: Plan
    workspace: Workspace | None
    unregistrations: tuple[Registration, ...]
    reviews: tuple[Review, ...]


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
    reviews = tuple(review(folder, os.path.relpath(folder, root), force=force) for folder in folders)
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


def _refuse(lost: Sequence[Review], *, json: bool) -> None:
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
