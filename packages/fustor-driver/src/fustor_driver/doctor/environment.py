"""An environment, this one or another, read from its files: nothing that is installed there is imported."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fustor_driver.errors import EnvironmentProblem

__all__ = ["WHEELS", "Environment"]

WHEELS = "WHEELS"
"""Stands in commands for the directory with the wheels of this project."""
_PROBE = "import json, sys; print(json.dumps([place for place in sys.path if place]))"
_PROBE_SEC = 30


@dataclass(frozen=True)
class Environment:
    """An interpreter, and where it finds what is installed."""

    python: Path
    path: tuple[str, ...]
    is_own: bool = False

    @classmethod
    def own(cls) -> Environment:
        """The one of this process."""
        return cls(Path(sys.executable), tuple(sys.path), is_own=True)

    @classmethod
    def at(cls, place: Path) -> Environment:
        """The one of an interpreter, or in a directory.

        Raises:
            EnvironmentProblem: there is no interpreter, or it does not say where it finds things.
        """
        python = place / "bin" / "python" if place.is_dir() else place
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        try:
            done = subprocess.run(
                [python.absolute(), "-E", "-c", _PROBE],
                env=variables,
                capture_output=True,
                text=True,
                check=True,
                timeout=_PROBE_SEC,
            )
            return cls(python.absolute(), tuple(map(str, json.loads(done.stdout))))
        except (OSError, ValueError, subprocess.SubprocessError) as err:
            raise EnvironmentProblem(f"{str(python)!r} is not a Python that runs: {err}") from err

    @cached_property
    def distributions(self) -> Mapping[str, Distribution]:
        """What is installed, by canonical name; of two with the same name, the one that is imported."""
        found: dict[str, Distribution] = {}
        for dist in distributions() if self.is_own else distributions(path=list(self.path)):
            if dist.metadata["Name"]:  # else it is the rest of something that was removed
                found.setdefault(canonicalize_name(dist.metadata["Name"]), dist)
        return found

    @property
    def entries(self) -> tuple[EntryPoint, ...]:
        """The entry points of all that is installed."""
        return tuple(entry for dist in self.distributions.values() for entry in dist.entry_points)

    def version(self, name: str) -> str:
        """The version of a distribution, empty where it is not installed."""
        dist = self.distributions.get(name)
        return dist.version if dist else ""

    def release(self, name: str) -> tuple[int, ...]:
        """The first two numbers of a version; nothing where it is not installed, or its version says nothing."""
        numbers = self.version(name).split(".")[:2]
        return tuple(map(int, numbers)) if all(map(str.isdecimal, numbers)) else ()

    def lacks(self, requirement: str) -> bool:
        """Whether what is required is not installed, or not in such a version."""
        wanted = Requirement(requirement)
        dist = self.distributions.get(canonicalize_name(wanted.name))
        return dist is None or not wanted.specifier.contains(dist.version, prereleases=True)

    def install(self, *requirements: str, wheels: bool = False) -> str:
        """The command that installs these here, some of them from the wheels of this project."""
        pip = (str(self.python), "-m", "pip", "install")
        uv = ("uv", "pip", "install", "--python", str(self.python))
        links = ("--find-links", WHEELS) if wheels else ()
        return shlex.join([*(pip if "pip" in self.distributions else uv), *links, *requirements])
