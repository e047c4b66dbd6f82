"""Each distribution alone: installed by name from the release's index into a fresh environment, and tried there."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from release.errors import ReleaseError
from release.programs import run
from release.projects import Project

__all__ = ["Environment", "try_each"]

_WITH_ENGINES = {"pyspark-fustor"}
"""They bring an engine of hundreds of megabytes along; their own tests run them with it."""
_PROBE = Path(__file__).with_name("probe.py")


class Environment:
    """A virtual environment that begins empty, whose installer looks into one index before all others."""

    def __init__(self, folder: Path, index: str, constraints: Path | None = None) -> None:
        """Make it.

        Args:
            folder: where it is made.
            index: the address of a site with `simple/` in it.
            constraints: a file of requirements that whatever is installed must meet.
        """
        self._folder = folder
        self._index = f"{index}/simple/"
        self._options = ["--index", self._index, *(["--constraints", str(constraints)] if constraints else [])]
        folder.parent.mkdir(parents=True, exist_ok=True)
        run("uv", "venv", "--quiet", "--no-project", folder, cwd=folder.parent)

    def install(self, *requirements: str) -> None:
        """Install requirements. Raises ReleaseError."""
        python = ("--python", str(self._folder))
        run("uv", "pip", "install", "--quiet", *python, *self._options, *requirements, cwd=self._folder)

    def run(self, command: str, *arguments: str | Path) -> str:
        """Run a command of the environment, which sees the same index, and return its output. Raises ReleaseError."""
        return run(self._folder / "bin" / command, *arguments, cwd=self._folder, variables={"UV_INDEX": self._index})


def try_each(projects: Sequence[Project], index: str, constraints: Path, scratch: Path) -> list[str]:
    """Install and try every project, some side by side, and return a line for each.

    Raises:
        ReleaseError: one does not install, import, load or answer `--version`.
    """
    one = partial(_try, index=index, constraints=constraints, scratch=scratch)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, projects))


def _try(project: Project, index: str, constraints: Path, scratch: Path) -> str:
    environment = Environment(scratch / project.name, index, constraints)
    if project.name in _WITH_ENGINES:
        environment.install("--no-deps", f"{project.name}=={project.version}")
        return f"{project.name}: installed without its engine"
    environment.install(f"{project.name}=={project.version}")
    found = _probe(environment, project, "alone")
    loaded = found["loaded"]
    for command in found["commands"]:
        _require_version(command, environment.run(command, "--version"), project)
    if found["waits_for_extra"]:
        environment.install(f"{project.name}[test]=={project.version}")
        loaded += _probe(environment, project, "test")["loaded"]
    return f"{project.name}: imported, {len(loaded)} entry points loaded, {len(found['commands'])} commands run"


def _probe(environment: Environment, project: Project, stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(environment.run("python", "-I", "-W", "error", _PROBE, project.name, stage))
    if found["version"] != project.version or not found["imported"]:
        raise ReleaseError(f"{project.name} {project.version} was installed as {found!r}")
    return found


def _require_version(command: str, said: str, project: Project) -> None:
    if project.version not in said.split():
        raise ReleaseError(f"`{command} --version` said {said!r}, not {project.version!r}")
