"""`fustor-new register` and `fustor-new unregister`: the edit of the root file alone."""

import re
from collections.abc import Sequence
from pathlib import Path

from fustor_new._output import say
from fustor_new.changes.plan import Plan
from fustor_new.commands._run import Work, carry_out
from fustor_new.commands.fitting import narrowing, unsourced
from fustor_new.errors import UsageProblem, WorkspaceError
from fustor_new.names import normalize
from fustor_new.package.metadata import requirement, requirement_lists
from fustor_new.workspace.drivers import check_free, require_driver
from fustor_new.workspace.finding import place_of, workspace_of
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Verdict, Workspace
from fustor_new.workspace.root_file import plan_in
from fustor_new.workspace.unregistration import entries_of, is_registered

__all__ = ["enclosing_workspace", "mentions", "register_drivers", "unregister_drivers"]

_RENDERED_NAME = re.compile(r"(source|pusher)-[a-z0-9-]+")


def register_drivers(paths: Sequence[Path], *, dry_run: bool, json: bool) -> None:
    """Register the driver packages at `paths` in the workspace around them, and say so in a line each.

    Raises:
        FustorNewError: a path names no driver, its name is taken, or it is excluded; nothing is changed.
    """

    def work() -> Work:
        workspace = _workspace(paths)
        drivers = tuple(dict.fromkeys(_to_register(workspace, path) for path in paths))
        done = [_outcome_of_registering(workspace, one) for one in drivers]
        return _work(plan_in(workspace, registrations=drivers), done)

    carry_out(work, _workspace(paths).root, dry_run=dry_run, json=json)


def unregister_drivers(paths: Sequence[Path], *, dry_run: bool, json: bool) -> None:
    """Take the driver packages at `paths` out of the workspace's root file, and say so in a line each.

    A directory that is gone may be named too, as long as the root file has it.

    Raises:
        FustorNewError: a path names no driver; nothing is changed.
    """

    def work() -> Work:
        workspace = _workspace(paths)
        drivers = tuple(dict.fromkeys(_to_unregister(workspace, path) for path in paths))
        done = [_outcome_of_unregistering(workspace, one) for one in drivers]
        return _work(plan_in(workspace, unregistrations=drivers), done)

    carry_out(work, _workspace(paths).root, dry_run=dry_run, json=json)


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


def _workspace(paths: Sequence[Path]) -> Workspace:
    """Return the workspace, as it is now, that all the paths lie in."""
    workspaces = {(workspace := enclosing_workspace(place_of(path))).root: workspace for path in paths}
    if len(workspaces) > 1:
        raise UsageProblem(f"The paths lie in {len(workspaces)} workspaces; run once for each")
    (workspace,) = workspaces.values()
    return workspace


def _to_register(workspace: Workspace, path: Path) -> Registration:
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


def _to_unregister(workspace: Workspace, path: Path) -> Registration:
    folder = place_of(path)
    directory = workspace.relative(folder)
    if not folder.exists() and _RENDERED_NAME.fullmatch(folder.name):
        gone = Registration(directory, f"fustor-{folder.name}")
        if is_registered(workspace, gone.directory, gone.distribution):
            return gone
    return Registration(directory, require_driver(path).name)


def _outcome_of_registering(workspace: Workspace, driver: Registration) -> str:
    plan = plan_in(workspace, registrations=[driver])
    member = workspace.package(driver.directory)
    warnings = narrowing(workspace, driver.directory, member.requires_python) if member else ()
    said = "".join(f"; {one}" for one in warnings)
    note = f" ({plan.notes[0].removeprefix(f'{driver.directory} is ')})" if plan.notes else ""
    return f"{driver.directory}: {'registered' if plan.changes else 'registered already'}{note}{said}"


def _outcome_of_unregistering(workspace: Workspace, driver: Registration) -> str:
    known = is_registered(workspace, driver.directory, driver.distribution)
    membership = workspace.verdict(driver.directory)
    stays = f"; {membership.pattern!r} covers it, so it stays a member" if membership.verdict is Verdict.COVERED else ""
    asks = "".join(f"; {place} still asks for it" for place in mentions(workspace, driver))
    return f"{driver.directory}: {'no longer registered' if known else 'not registered'}{stays}{asks}"


def _work(plan: Plan, done: Sequence[str]) -> Work:
    return Work(plan, "the root file is as it should be", lambda: say(*done), {"outcome": list(done)})
