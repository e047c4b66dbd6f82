"""The driver packages of a workspace, or of the directory at hand, as their `pyproject.toml` describes them."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from fustor_new.errors import EnvironmentProblem, FustorNewError, NameRefused, UsageProblem, WorkspaceError
from fustor_new.kinds import KIND_OF_GROUP
from fustor_new.names import normalize
from fustor_new.package.descriptions import read_project
from fustor_new.package.metadata import Metadata
from fustor_new.workspace.finding import place_of
from fustor_new.workspace.root import Workspace

__all__ = ["check_directory", "check_free", "driver_folders", "driver_packages", "package_around", "require_driver"]

_UNREADABLE = (WorkspaceError, EnvironmentProblem)


def require_driver(path: Path) -> Metadata:
    """Return what the driver package in the directory `path` says of itself, by its real place.

    Raises:
        UsageProblem: there is none; the message says what it lacks.
        WorkspaceError: its `pyproject.toml` is not TOML.
    """
    folder = place_of(path)
    package = read_project(folder)
    if package is None:
        raise UsageProblem(f"{str(path)!r} has no pyproject.toml; name the directory of a driver package")
    if not package.name:
        raise UsageProblem(f"{str(folder / 'pyproject.toml')!r} has no [project] name; give the package one")
    if not package.drivers:
        raise UsageProblem(
            f"{str(path)!r} has no entry point in a group that a host scans ({', '.join(KIND_OF_GROUP)}); add one"
        )
    return package


def driver_folders(workspace: Workspace) -> list[Path]:
    """Return where drivers may be: the root, the members, and what is in `extensions/`, sorted."""
    here = workspace.root / "extensions"
    beside = {f"extensions/{path.name}" for path in _entries(here) if path.is_dir() and path.name[0] != "."}
    directories = sorted({".", *workspace.directories, *beside})
    return [Path(os.path.normpath(workspace.root / one)) for one in directories]


def driver_packages(workspace: Workspace) -> Iterator[Metadata | FustorNewError]:
    """Yield the packages with drivers among the members and in `extensions/`, in the order of their directories.

    A package that cannot be read is yielded as the error that says so.
    """
    for package in _packages(workspace):
        if isinstance(package, FustorNewError) or package.drivers:
            yield package


def check_free(workspace: Workspace, directory: str, claims: Mapping[tuple[str, str], str]) -> None:
    """Raise NameRefused when a package in another directory of the workspace has one of the names that are claimed.

    What is in `directory` itself does not count: it may be the same command, run again.
    """
    for package in _packages(workspace):
        if isinstance(package, Metadata) and (other := workspace.relative(package.folder)) != directory:
            for claim in sorted(package.claims.keys() & claims.keys()):
                raise _taken(claims[claim], other, f"holds the {claim[0]} {package.claims[claim]!r}")


def check_directory(workspace: Workspace, directory: str) -> None:
    """Raise NameRefused when `directory` is there in another spelling, which some file systems take for the same."""
    for other in map(workspace.relative, driver_folders(workspace)):
        if other != directory and normalize(other) == normalize(directory):
            raise _taken(directory, other, "is the same directory in another spelling")


def package_around(folder: Path) -> Metadata | None:
    """Return what the nearest package at `folder` or above it says of itself, if it has drivers."""
    nearest = next((parent for parent in (folder, *folder.parents) if (parent / "pyproject.toml").is_file()), None)
    package = read_project(nearest) if nearest else None
    return package if package and package.drivers else None


def _packages(workspace: Workspace) -> Iterator[Metadata | FustorNewError]:
    for folder in driver_folders(workspace):
        try:
            package = workspace.package(folder)
        except _UNREADABLE as err:
            yield err
        else:
            if package:
                yield package


def _taken(name: str, directory: str, why: str) -> NameRefused:
    return NameRefused(f"{name!r} is taken: {directory!r} {why}; rename one of them, or remove that package first")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # no such directory, or one that uv could not list either
        return []
