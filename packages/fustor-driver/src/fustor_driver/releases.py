"""The released agents, and the view of one: exactly what an environment needs so that they run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["Release", "release", "released_versions"]


@dataclass(frozen=True)
class Release:
    """One release of the agent, with its parts. `releases.toml` beside this says what each field lists."""

    version: str
    agent: tuple[str, ...]
    view: tuple[str, ...]
    limits: tuple[str, ...]
    seen_with: tuple[str, ...]

    def requirements(self, *own: str, view: bool = False) -> list[str]:
        """What is installed beside the distributions `own`, each of which takes the place of the part of its name."""
        replaced = set(map(canonicalize_name, own))
        parts = (*self.agent, *self.view) if view else self.agent
        return [part for part in parts if canonicalize_name(Requirement(part).name) not in replaced]


def released_versions() -> tuple[str, ...]:
    """The releases that are known, the newest first."""
    return tuple(_known())


def release(version: str) -> Release:
    """The release of that version.

    Raises:
        KeyError: it is not one of `released_versions()`.
    """
    return _known()[version]


@cache
def _known() -> dict[str, Release]:
    told = tomllib.loads(files("fustor_driver").joinpath("releases.toml").read_text(encoding="utf-8"))
    return {
        version: Release(version, **{field: tuple(listed) for field, listed in parts.items()})
        for version, parts in told.items()
    }
