"""What `register` and `unregister` do alike: one edit of the root file for all packages that are named."""

from collections.abc import Callable
from pathlib import Path

from fustor_new._output import say
from fustor_new.changes.plan import Plan
from fustor_new.commands._run import Work, carry_out, settle
from fustor_new.options import PathOptions
from fustor_new.workspace.finding import starting_point, workspace_of_all
from fustor_new.workspace.naming import driver_paths
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace

__all__ = ["edit_root"]

_DONE = "the root file is as it should be"


def edit_root(
    options: PathOptions,
    find: Callable[[Workspace, Path], Registration],
    outcome: Callable[[Workspace, Registration], str],
    plan: Callable[[Workspace, tuple[Registration, ...]], Plan],
) -> None:
    """Carry out the plan for the packages that `find` makes of the paths, and say the outcome of each in a line.

    Raises:
        FustorNewError: what `find` and `plan` raise; nothing is changed.
    """
    start = starting_point(options.workspace)
    if not options.dry_run:
        settle(start, options.paths)
    paths = driver_paths(options.paths, start)

    def work() -> Work:
        workspace = workspace_of_all(paths, start)
        drivers = tuple(dict.fromkeys(find(workspace, path) for path in paths))
        done = [outcome(workspace, one) for one in drivers]
        return Work(plan(workspace, drivers), _DONE, lambda: say(*done), {"outcome": done})

    carry_out(work, workspace_of_all(paths, start).root, dry_run=options.dry_run, json=options.json)
