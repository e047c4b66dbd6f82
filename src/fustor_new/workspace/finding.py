"""Which workspace a directory belongs to: one way up to its root, and uv's rules on what is a member there."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from fustor_new._reading import check_usable
from fustor_new.errors import UsageProblem, WorkspaceError
from fustor_new.workspace.root import Workspace

__all__ = [
    "declared_workspace",
    "find_workspace",
    "home_of",
    "place_of",
    "starting_point",
    "workspace_above",
    "workspace_of",
    "workspace_of_all",
]


def workspace_above(folder: Path) -> Workspace | None:
    """Return the nearest workspace whose root is `folder` or above it, whether it takes `folder` as a member or not.

    Raises:
        WorkspaceError: a `pyproject.toml` on the way up cannot be read, as with all functions here.
    """
    return next((workspace for _, workspace in _projects(folder) if workspace.is_declared), None)


def find_workspace(start: Path, choices: str = "name its root with --workspace DIR") -> Workspace:
    """Return the workspace around `start`, found the way uv finds it; `choices` says what else a user may write.

    Raises:
        WorkspaceError: there is none.
    """
    here = start.resolve()
    nearest, above = (*islice(_projects(here), 2), None, None)[:2]
    if nearest is None:
        raise WorkspaceError(f"No pyproject.toml of a uv workspace at or above {str(here)!r}; {choices}")
    if nearest[1].is_declared:
        return nearest[1]
    if above and above[1].is_declared and above[1].membership(nearest[0]).is_member:
        return above[1]
    raise WorkspaceError(f"{str(nearest[1].path)!r} belongs to no uv workspace; {choices}")


def declared_workspace(root: Path, hint: str) -> Workspace:
    """Return the workspace whose root a user named; `hint` says what else they may write.

    Raises:
        WorkspaceError: `root` is not the root of a workspace.
    """
    workspace = Workspace.load(root)
    if not workspace.is_declared:
        raise WorkspaceError(f"{str(workspace.path)!r} has no [tool.uv.workspace]; {hint}")
    return workspace


def starting_point(root: Path | None) -> Path:
    """Return where names of drivers are looked for: in the workspace whose root a user named, else around here.

    Raises:
        WorkspaceError: `root` is not the root of a workspace.
    """
    return Path.cwd() if root is None else declared_workspace(root, "name the root of a workspace").root


def workspace_of(folder: Path, start: Path | None = None) -> Workspace | None:
    """Return the workspace that the package in `folder` lies in, or is a member of from outside; None without one.

    One that it is a member of from outside is looked for at `start`, by default the current directory, and above.
    """
    around = workspace_above(folder.parent)
    if around is None or not around.membership(folder).is_member:
        here = workspace_above(start or Path.cwd())
        if here and here.membership(folder).is_member:
            return here
    return around


def workspace_of_all(paths: Sequence[Path], start: Path | None = None) -> Workspace:
    """Return the one workspace that the packages at `paths` lie in, found as `workspace_of` does.

    Raises:
        WorkspaceError: one of them lies in none.
        UsageProblem: they lie in several.
    """
    workspaces = {}
    for folder in map(place_of, paths):
        if (workspace := workspace_of(folder, start)) is None:
            raise WorkspaceError(f"No uv workspace above {str(folder)!r}; move the package into one")
        workspaces[workspace.root] = workspace
    if len(workspaces) > 1:
        raise UsageProblem(f"The paths lie in {len(workspaces)} workspaces; run once for each")
    return next(iter(workspaces.values()))


def home_of(folder: Path) -> Workspace | None:
    """Return the workspace above that has the package in `folder` as a member, or should: it lies in `extensions/`.

    None where there is none, or none that can be read.
    """
    try:
        workspace = workspace_above(folder.parent)
    except WorkspaceError:
        return None
    if workspace is None:
        return None
    is_near = folder.parent == workspace.root / "extensions" or workspace.membership(folder).is_member
    return workspace if is_near else None


def place_of(path: Path) -> Path:
    """Return `path` as an absolute path: symlinks above the workspace's root are resolved, those inside it are kept.

    Raises:
        UsageProblem: no directory can have that path, or no TOML file can name it, or it is not what it seems to be.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as err:
        raise UsageProblem(f"{str(path)!r} cannot be written into a TOML file; name another") from err
    absolute = check_usable(Path(os.path.normpath(Path.cwd() / path)), "the directory of a driver")
    if os.path.realpath(absolute) != os.path.realpath(path):
        raise UsageProblem(f"{str(path)!r} goes back behind a symlink; write it without '..'")
    roots = (folder for folder, workspace in _projects(absolute.parent) if workspace.is_declared)
    root = next(roots, absolute.parent)
    return root.resolve() / absolute.relative_to(root)


def _projects(start: Path) -> Iterator[tuple[Path, Workspace]]:
    """Yield every directory with a `pyproject.toml`, from `start` up, as a workspace's root if it were one."""
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            yield folder, Workspace.load(folder)
