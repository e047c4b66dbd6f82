"""`fustor-new remove`: the exact reverse of creation, and a refusal where an author's work would go with it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path

from fustor_new._output import heard, say, say_data, say_patch
from fustor_new._toml import find
from fustor_new.changes.apply import apply
from fustor_new.changes.patch import JSON_SCHEMA_VERSION, as_json, as_patch
from fustor_new.changes.plan import Plan, Registration, make_plan
from fustor_new.commands.naming import driver_directory
from fustor_new.commands.registering import mentions
from fustor_new.commands.review import Review, review
from fustor_new.commands.settling import settle
from fustor_new.errors import TargetConflict, UsageProblem
from fustor_new.package.metadata import Metadata
from fustor_new.workspace._entries import WORKSPACE
from fustor_new.workspace.drivers import require_driver
from fustor_new.workspace.finding import workspace_of
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.unregistration import is_registered

__all__ = ["Leaving", "plan_removal", "remove_drivers"]


@dataclass(frozen=True)
class Leaving:
    """What a removal would do: the plan, and what would go with each package."""

    plan: Plan
    workspace: Workspace | None
    reviews: tuple[Review, ...]


def remove_drivers(names: Sequence[str], *, force: bool, dry_run: bool, json: bool) -> None:
    """Remove the driver packages that are called `names`, or lie there, with their registrations: all or none.

    Raises:
        TargetConflict: a package is not as it was rendered and there is no `force`; the difference has been printed.
        FustorNewError: a name means nothing, or more than one thing; nothing is changed.
    """
    folders = [driver_directory(name) for name in dict.fromkeys(names)]
    if not dry_run and _settle(folders):
        folders = [driver_directory(name) for name in dict.fromkeys(names)]
    leaving = plan_removal(folders, force=force)
    lost = [one for one in leaving.reviews if not one.is_untouched]
    if lost and not force:
        with heard("nothing was changed"):
            if json:
                say_data(_refusal_as_json(lost))
            else:
                say("\n".join(one.as_text() for one in lost))
        named = ", ".join(repr(one.shown) for one in lost)
        raise TargetConflict(f"{named} is not as it was rendered; save what is yours, or remove it all with --force")
    if not dry_run:
        apply(leaving.plan)
    with heard("nothing was to be changed" if dry_run else "the drivers are gone"):
        _show(leaving, dry_run=dry_run, json=json)


def plan_removal(folders: Sequence[Path], *, force: bool) -> Leaving:
    """Return the plan that takes the packages away, one for all; with `force` an unreadable record is no obstacle.

    Raises:
        FustorNewError: a directory holds no driver, or is no directory to take away.
    """
    packages = {folder: require_driver(folder) for folder in folders}
    workspaces = {folder: workspace_of(folder) for folder in packages}
    roots = {workspace.root if workspace else folder.parent for folder, workspace in workspaces.items()}
    if len(roots) > 1:
        raise UsageProblem(f"The drivers lie in {len(roots)} places with nothing in common; run once for each")
    (root,) = roots
    workspace = next(iter(workspaces.values()))
    for package in packages.values():
        _check_removable(package, root)
    reviews = tuple(review(folder, os.path.relpath(folder, root), force=force) for folder in packages)
    plan = make_plan(
        root,
        [],
        workspace=workspace,
        removals=[one.removal for one in reviews],
        unregistrations=[
            Registration(Path(os.path.relpath(folder, root)).as_posix(), package.name)
            for folder, package in packages.items()
        ],
    )
    return Leaving(plan, workspace, reviews)


def _settle(folders: Sequence[Path]) -> bool:
    """Finish or undo what an interrupted run has left, before anything is planned; tell whether there was any."""
    workspaces = [(folder, workspace_of(folder)) for folder in folders]
    roots = dict.fromkeys(workspace.root if workspace else folder.parent for folder, workspace in workspaces)
    return sum(settle(root) for root in roots) > 0


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
    if find(package.project, WORKSPACE) is not None:
        raise TargetConflict(f"{str(folder)!r} is the root of a workspace; remove it by hand")


def _show(leaving: Leaving, *, dry_run: bool, json: bool) -> None:
    outcome = [line for one in leaving.reviews for line in one.outcome()] + _root_lines(leaving)
    if json:
        say_data(as_json(leaving.plan, packages=[one.as_dict() for one in leaving.reviews], outcome=outcome))
    elif dry_run:
        say_patch(as_patch(leaving.plan))
    else:
        say(*(line.replace("\n", "\\n") for line in outcome))


def _root_lines(leaving: Leaving) -> list[str]:
    """What became of the registrations, where a person may still have something to do."""
    workspace = leaving.workspace
    if workspace is None:
        return []
    lines = []
    for one in leaving.plan.unregistrations:
        if is_registered(workspace, one.directory, one.distribution):
            lines.append(f"pyproject.toml: {one.distribution} is no longer registered")
        lines += [f"pyproject.toml: {place} still asks for {one.distribution}" for place in mentions(workspace, one)]
    return lines


def _refusal_as_json(lost: Sequence[Review]) -> str:
    refused = [{**one.as_dict(), "diff": one.difference()} for one in lost]
    return dumps({"schema": JSON_SCHEMA_VERSION, "refused": refused}, indent=2)
