"""`fustor-new register`: the edit of the root file that makes packages members of the workspace."""

from pathlib import Path

from fustor_new.commands._root_edit import edit_root
from fustor_new.commands.fitting import narrowing, unsourced
from fustor_new.errors import WorkspaceError
from fustor_new.names import normalize
from fustor_new.options import PathOptions
from fustor_new.workspace.drivers import check_free, require_driver
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Standing, Workspace
from fustor_new.workspace.root_file import plan_in

__all__ = ["run"]


def run(options: PathOptions) -> None:
    """Register the driver packages that are named in the workspace around them, and say so in a line each.

    Raises:
        FustorNewError: a path names no driver, its name is taken, or it is excluded; nothing is changed.
    """
    edit_root(options, _to_register, _outcome, lambda workspace, drivers: plan_in(workspace, registrations=drivers))


def _to_register(workspace: Workspace, path: Path) -> Registration:
    package = require_driver(path)
    directory = workspace.relative(package.folder)
    if (membership := workspace.membership(directory)).standing is Standing.EXCLUDED:
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


def _outcome(workspace: Workspace, driver: Registration) -> str:
    plan = plan_in(workspace, registrations=[driver])
    member = workspace.package(driver.directory)
    warnings = narrowing(workspace, driver.directory, member.requires_python) if member else ()
    said = "".join(f"; {one}" for one in warnings)
    note = f" ({plan.notes[0].removeprefix(f'{driver.directory} is ')})" if plan.notes else ""
    return f"{driver.directory}: {'registered' if plan.changes else 'registered already'}{note}{said}"
