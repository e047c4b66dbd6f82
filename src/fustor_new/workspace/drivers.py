"""The driver packages of a workspace, or of the directory at hand, as their `pyproject.toml` describes them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fustor_new._reading import is_file, read_bytes
from fustor_new.errors import EnvironmentProblem, NameRefused, UsageProblem, WorkspaceError
from fustor_new.names import normalize
from fustor_new.workspace._lists import find, get
from fustor_new.workspace.root import GROUPS, Workspace, parse_toml

__all__ = [
    "Package",
    "check_unclaimed",
    "driver_folders",
    "driver_packages",
    "package_around",
    "place_of",
    "read_package",
    "require_driver",
    "workspace_above",
    "workspace_of",
]


@dataclass(frozen=True)
class Package:
    """A package on disk and the drivers that it holds, as pairs of kind and entry-point name."""

    folder: Path
    distribution: str
    version: str
    drivers: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """What the drivers are called on the command line: `source-my-db`."""
        return tuple(f"{kind}-{name.replace('_', '-')}" for kind, name in self.drivers)


def read_package(folder: Path) -> Package | None:
    """Return the package in `folder`, None where there is no `pyproject.toml`.

    Raises:
        WorkspaceError: the file is not TOML.
        EnvironmentProblem: it cannot be read.
    """
    path = folder / "pyproject.toml"
    if not is_file(path):
        return None
    try:
        data = parse_toml(read_bytes(path), str(path))
    except OSError as err:
        raise EnvironmentProblem(f"Cannot read {str(path)!r} ({err.strerror}); remedy that and run again") from err
    groups = get(data, ("project", "entry-points"))
    drivers = {(kind, name) for group, kind in GROUPS.items() for name in get(groups, (group,))}
    name, version = (find(data, ("project", key)) for key in ("name", "version"))
    return Package(
        folder=folder,
        distribution=name if isinstance(name, str) else "",
        version=version if isinstance(version, str) else "",
        drivers=tuple(sorted(drivers)),
    )


def require_driver(path: Path) -> Package:
    """Return the driver package in the directory `path`, by its real place.

    Raises:
        UsageProblem: there is none; the message says what it lacks.
        WorkspaceError: its `pyproject.toml` is not TOML.
    """
    folder = place_of(path)
    package = read_package(folder)
    if package is None:
        raise UsageProblem(f"{str(path)!r} has no pyproject.toml; name the directory of a driver package")
    if not package.distribution:
        raise UsageProblem(f"{str(folder / 'pyproject.toml')!r} has no [project] name; give the package one")
    if not package.drivers:
        raise UsageProblem(
            f"{str(path)!r} has no entry point in a group that a host scans ({', '.join(GROUPS)}); add one"
        )
    return package


def place_of(path: Path) -> Path:
    """Return the absolute path as the workspace around it spells it: links to the workspace are followed, none in it.

    Raises:
        UsageProblem: no directory can have that path, or no TOML file can name it, or it is not what it seems to be.
        WorkspaceError: a `pyproject.toml` above it cannot be read.
    """
    try:
        str(path).encode()
        absolute = Path(os.path.normpath(Path.cwd() / path))
        (absolute / "pyproject.toml").is_file()  # says what is wrong with a path that cannot be
    except (OSError, ValueError) as err:
        why = err.strerror if isinstance(err, OSError) else "it is no text that a TOML file can hold"
        raise UsageProblem(f"{str(path)!r} cannot be the directory of a driver ({why}); name another") from err
    if os.path.realpath(absolute) != os.path.realpath(path):
        raise UsageProblem(f"{str(path)!r} goes back behind a symlink; write it without '..'")
    root = next((parent for parent in absolute.parents if _is_workspace(parent)), absolute.parent)
    return root.resolve() / absolute.relative_to(root)


def workspace_of(folder: Path) -> Workspace | None:
    """Return the workspace that the package in `folder` lies in, or is a member of from outside; None without one."""
    around = workspace_above(folder.parent)
    if around is None or not around.verdict(folder).is_member:
        here = workspace_above(Path.cwd())
        if here and here.verdict(folder).is_member:
            return here
    return around


def driver_folders(workspace: Workspace) -> list[Path]:
    """Return where drivers may be: the root, the members, and what is in `extensions/`, sorted."""
    here = workspace.root / "extensions"
    beside = {f"extensions/{path.name}" for path in _entries(here) if path.is_dir() and path.name[0] != "."}
    return [Path(os.path.normpath(workspace.root / one)) for one in sorted({".", *workspace.directories, *beside})]


def driver_packages(workspace: Workspace) -> Iterator[Package | WorkspaceError | EnvironmentProblem]:
    """Yield the packages with drivers among the members and in `extensions/`, in the order of their directories.

    A package that cannot be read is yielded as the error that says so.
    """
    for folder in driver_folders(workspace):
        try:
            package = read_package(folder)
        except (WorkspaceError, EnvironmentProblem) as err:
            yield err
        else:
            if package and package.drivers:
                yield package


def check_unclaimed(package: Package, workspace: Workspace) -> None:
    """Raise NameRefused when another package of the workspace has this one's distribution, or one of its drivers."""
    for member in workspace.packages:
        folder = Path(os.path.normpath(workspace.root / member.directory))
        if normalize(member.distribution) == normalize(package.distribution) and folder != package.folder:
            raise _taken(member.distribution, folder, workspace)
    for other in driver_packages(workspace):
        if isinstance(other, Package) and other.folder != package.folder:
            for label in set(package.labels) & set(other.labels):
                raise _taken(label, other.folder, workspace)


def workspace_above(folder: Path) -> Workspace | None:
    """Return the nearest workspace whose root is `folder` or above it, whether it takes `folder` as a member or not."""
    root = next((parent for parent in (folder, *folder.parents) if _is_workspace(parent)), None)
    return Workspace.load(root) if root else None


def package_around(folder: Path) -> Package | None:
    """Return the nearest package at `folder` or above it, if it has drivers."""
    nearest = next((parent for parent in (folder, *folder.parents) if (parent / "pyproject.toml").is_file()), None)
    package = read_package(nearest) if nearest else None
    return package if package and package.drivers else None


def _is_workspace(folder: Path) -> bool:
    return (folder / "pyproject.toml").is_file() and Workspace.load(folder).is_declared


def _taken(name: str, folder: Path, workspace: Workspace) -> NameRefused:
    return NameRefused(f"{name!r} is taken: {os.path.relpath(folder, workspace.root)!r} holds it; rename one of them")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # no such directory, or one that uv could not list either
        return []
