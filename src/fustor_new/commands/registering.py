"""`fustor-new register` and `fustor-new unregister`: the edit of the root file alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fustor_new._output import heard, say, say_data, say_patch
from fustor_new.changes.apply import apply
from fustor_new.changes.patch import as_json, as_patch
from fustor_new.changes.plan import Plan, Registration, make_plan
from fustor_new.commands.fitting import narrowing, unsourced
from fustor_new.commands.settling import settle
from fustor_new.errors import UsageProblem, WorkspaceError
from fustor_new.names import normalize
from fustor_new.package.metadata import requirement, requirement_lists
from fustor_new.workspace.drivers import check_free, require_driver
from fustor_new.workspace.finding import place_of, workspace_of
from fustor_new.workspace.root import Verdict, Workspace
from fustor_new.workspace.unregistration import entries_of, is_registered

__all__ = ["enclosing_workspace", "mentions", "register_drivers", "unregister_drivers"]

_RENDERED_NAME = re.compile(r"(source|pusher)-[a-z0-9-]+")


@dataclass(frozen=True)
class _Asked:
    """The drivers that a command line names, all of one workspace."""

    workspace: Workspace
    drivers: tuple[Registration, ...]


def register_drivers(paths: Sequence[Path], *, dry_run: bool, json: bool) -> None:
    """Register the driver packages at `paths` in the workspace around them, and say so in a line each.

    Raises:
        FustorNewError: a path names no driver, its name is taken, or it is excluded; nothing is changed.
    """
    _settle(paths, dry_run=dry_run)
    asked = _asked(paths)
    plan = make_plan(asked.workspace.root, [], workspace=asked.workspace, registrations=asked.drivers)
    done = [_outcome_of_registering(asked.workspace, one) for one in asked.drivers]
    _carry_out(plan, done, dry_run=dry_run, json=json)


def unregister_drivers(paths: Sequence[Path], *, dry_run: bool, json: bool) -> None:
    """Take the driver packages at `paths` out of the workspace's root file, and say so in a line each.

    A directory that is gone may be named too, as long as the root file has it.

    Raises:
        FustorNewError: a path names no driver; nothing is changed.
    """
    _settle(paths, dry_run=dry_run)
    asked = _asked(paths, leaving=True)
    plan = make_plan(asked.workspace.root, [], workspace=asked.workspace, unregistrations=asked.drivers)
    done = [_outcome_of_unregistering(asked.workspace, one) for one in asked.drivers]
    _carry_out(plan, done, dry_run=dry_run, json=json)


def enclosing_workspace(folder: Path) -> Workspace:
    """Return the workspace that the package in `folder` lies in.

    Raises:
        WorkspaceError: there is none.
    """
    workspace = workspace_of(folder)
    if workspace is None:
        raise WorkspaceError(f"No uv workspace above {str(folder)!r}; move the package into one")
    return workspace


def mentions(workspace: Workspace, driver: Registration) -> list[str]:
    """Return where the root file asks for the driver in a place that unregistering leaves alone."""
    ours = {entry.keys for entry in entries_of(workspace, driver.directory, driver.distribution)}
    name = normalize(driver.distribution)
    return [
        ".".join(keys)
        for keys, listed in requirement_lists(workspace.data)
        if keys not in ours and name in map(requirement, listed)
    ]


def _settle(paths: Sequence[Path], *, dry_run: bool) -> None:
    """Finish or undo what an interrupted run has left, before anything is read."""
    for root in {} if dry_run else dict.fromkeys(enclosing_workspace(place_of(path)).root for path in paths):
        settle(root)


def _asked(paths: Sequence[Path], *, leaving: bool = False) -> _Asked:
    workspaces = {(workspace := enclosing_workspace(place_of(path))).root: workspace for path in paths}
    if len(workspaces) > 1:
        raise UsageProblem(f"The paths lie in {len(workspaces)} workspaces; run once for each")
    (workspace,) = workspaces.values()
    named = (_leaving(workspace, path) if leaving else _coming(workspace, path) for path in paths)
    return _Asked(workspace, tuple(dict.fromkeys(named)))


def _coming(workspace: Workspace, path: Path) -> Registration:
    package = require_driver(path)
    directory = workspace.relative(package.folder)
    if (membership := workspace.verdict(directory)).verdict is Verdict.EXCLUDED:
        raise WorkspaceError(
            f"{directory!r} is excluded from the workspace by {membership.pattern!r} in {str(workspace.path)!r}; "
            f"change that pattern, or move the package"
        )
    check_free(workspace, directory, package.claims)
    if lacking := unsourced(workspace, package.requires - {normalize(package.name)}):
        lines = ", ".join(f"`{name} = {{ workspace = true }}`" for name in lacking)
        raise WorkspaceError(
            f"{directory!r} requires the members {', '.join(map(repr, lacking))} and does not say where from, so uv "
            f"would resolve nothing; put {lines} into [tool.uv.sources] of it, or of the root"
        )
    return Registration(directory, package.name)


def _leaving(workspace: Workspace, path: Path) -> Registration:
    folder = place_of(path)
    directory = workspace.relative(folder)
    if not folder.exists() and _RENDERED_NAME.fullmatch(folder.name):
        gone = Registration(directory, f"fustor-{folder.name}")
        if is_registered(workspace, gone.directory, gone.distribution):
            return gone
    return Registration(directory, require_driver(path).name)


def _outcome_of_registering(workspace: Workspace, driver: Registration) -> str:
    plan = make_plan(workspace.root, [], workspace=workspace, registrations=[driver])
    member = workspace.package(driver.directory)
    warnings = narrowing(workspace, driver.directory, member.requires_python) if member else ()
    said = "".join(f"; {one}" for one in warnings)
    note = f" ({plan.notes[0].removeprefix(f'{driver.directory} is ')})" if plan.notes else ""
    return f"{driver.directory}: {'registered' if plan.edits else 'registered already'}{note}{said}"


def _outcome_of_unregistering(workspace: Workspace, driver: Registration) -> str:
    known = is_registered(workspace, driver.directory, driver.distribution)
    membership = workspace.verdict(driver.directory)
    stays = f"; {membership.pattern!r} covers it, so it stays a member" if membership.verdict is Verdict.COVERED else ""
    asks = "".join(f"; {place} still asks for it" for place in mentions(workspace, driver))
    return f"{driver.directory}: {'no longer registered' if known else 'not registered'}{stays}{asks}"


def _carry_out(plan: Plan, done: Sequence[str], *, dry_run: bool, json: bool) -> None:
    if not dry_run:
        apply(plan)
    with heard("nothing was to be changed" if dry_run else "the root file is as it should be"):
        if json:
            say_data(as_json(plan, outcome=list(done)))
        elif dry_run:
            say_patch(as_patch(plan))
        else:
            say(*done)
