"""The distributions of a tree: where each stands, its name and version, and the pins of what they need."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.errors import ReleaseError

__all__ = ["Project", "pins", "projects_of", "version_line"]


@dataclass(frozen=True)
class Project:
    """One distribution: its directory, its name, and the file that says its version."""

    folder: Path
    name: str
    version_file: Path
    version: str


def projects_of(tree: Path) -> tuple[Project, ...]:
    """Every distribution of the tree: that of the root first, then the members of its workspace, by path.

    Raises:
        ReleaseError: one of them does not say its version in a way that can be raised.
    """
    patterns = _pyproject(tree)["tool"]["uv"]["workspace"]["members"]
    members = {file.parent for pattern in patterns for file in tree.glob(f"{pattern}/pyproject.toml")}
    return tuple(_project(folder) for folder in (tree, *sorted(members)))


def pins(tree: Path) -> tuple[str, ...]:
    """The exact versions of what the distributions need of others, as requirements."""
    return tuple(_pyproject(tree)["tool"]["uv"]["constraint-dependencies"])


def version_line(file: Path) -> re.Pattern[str]:
    """How a file says the version; the first group is what stands before it, the second the version.

    Args:
        file: a `pyproject.toml`, or a module with `__version__`.
    """
    if file.name == "pyproject.toml":
        return re.compile(r'(\A(?:.*\n)*?\[project\]\n(?:(?!\[).*\n)*?version = ")([^"]+)(?=")')
    return re.compile(r'((?:\A|\n)__version__ = ")([^"]+)(?=")')


def _project(folder: Path) -> Project:
    data = _pyproject(folder)
    file = folder / "pyproject.toml"
    if "version" in data["project"].get("dynamic", []):
        file = folder / data["tool"]["hatch"]["version"]["path"]
    said = version_line(file).search(file.read_text(encoding="utf-8"))
    if said is None:
        raise ReleaseError(f"File {str(file)!r} does not say a version; write it as a line of its own")
    return Project(folder, data["project"]["name"], file, said[2])


def _pyproject(folder: Path) -> Mapping[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
