"""Which members `uv sync --extra dev` installs: of a root that is a project, only what it requires."""

from collections.abc import Iterable, Iterator

from fustor_new.errors import EnvironmentProblem, WorkspaceError
from fustor_new.names import normalize
from fustor_new.package.metadata import requirement, requirement_lists
from fustor_new.workspace.registration import is_dev, joins, siblings_of
from fustor_new.workspace.root import Workspace

__all__ = ["is_left_out"]

_EXTRA = ("project", "optional-dependencies", "dev")


def is_left_out(workspace: Workspace, distribution: str) -> bool:
    """Tell whether a member is not installed with the others: the `dev` extra has those, and nothing leads to this one.

    Where the root is no project, or has no `dev` extra, the command that installs takes every member.
    """
    listed = dict(requirement_lists(workspace.data)).get(_EXTRA)
    if listed is None:
        return False
    try:
        is_installed = normalize(distribution) in _installed(workspace)
        return not is_installed and joins(_EXTRA, listed, siblings_of(workspace, {distribution}))
    except (WorkspaceError, EnvironmentProblem):  # a member cannot be read: nothing is installed until it can
        return False


def _installed(workspace: Workspace) -> set[str]:
    """Return what the root requires, in `dependencies` and for `dev`, with what members among that require in turn."""
    members = {normalize(one.name): one.dependencies for one in workspace.packages}
    found: set[str] = set()
    waiting = list(_named(_of_root(workspace)))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _named(members.get(name, ()))
    return found


def _of_root(workspace: Workspace) -> Iterator[str]:
    for keys, listed in requirement_lists(workspace.data):
        if is_dev(keys) or keys in (("project", "dependencies"), ("tool", "uv", "dev-dependencies")):
            yield from listed


def _named(requirements: Iterable[str]) -> Iterator[str]:
    return (requirement(text) for text in requirements)
