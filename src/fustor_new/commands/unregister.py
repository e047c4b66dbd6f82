"""`fustor-new unregister`: the edit of the root file that takes packages out of the workspace; their files stay."""

import re
from pathlib import Path

from fustor_new.commands._root_edit import edit_root
from fustor_new.kinds import ANY_KIND
from fustor_new.options import PathOptions
from fustor_new.workspace.drivers import require_driver
from fustor_new.workspace.finding import place_of
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Standing, Workspace
from fustor_new.workspace.root_file import plan_in
from fustor_new.workspace.unregistration import is_registered, mentions

__all__ = ["run"]

_RENDERED_NAME = re.compile(rf"({ANY_KIND})-[a-z0-9-]+")


def run(options: PathOptions) -> None:
    """Take the driver packages that are named out of the workspace's root file, and say so in a line each.

    A directory that is gone may be named too, as long as the root file has it.

    Raises:
        FustorNewError: a path names no driver; nothing is changed.
    """
    edit_root(options, _to_unregister, _outcome, lambda workspace, drivers: plan_in(workspace, unregistrations=drivers))


def _to_unregister(workspace: Workspace, path: Path) -> Registration:
    folder = place_of(path)
    directory = workspace.relative(folder)
    if not folder.exists() and _RENDERED_NAME.fullmatch(folder.name):
        gone = Registration(directory, f"fustor-{folder.name}")
        if is_registered(workspace, gone.directory, gone.distribution):
            return gone
    return Registration(directory, require_driver(path).name)


def _outcome(workspace: Workspace, driver: Registration) -> str:
    known = is_registered(workspace, driver.directory, driver.distribution)
    membership = workspace.membership(driver.directory)
    stays = (
        f"; {membership.pattern!r} covers it, so it stays a member" if membership.standing is Standing.COVERED else ""
    )
    asks = "".join(
        f"; {place} still asks for it" for place in mentions(workspace, driver.directory, driver.distribution)
    )
    return f"{driver.directory}: {'no longer registered' if known else 'not registered'}{stays}{asks}"
