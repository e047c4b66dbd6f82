"""The systems that packages bring along to try their drivers on: entry-point group `fustor.conformance.worlds`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from typing import Any, Protocol, Self, cast

from fustor_driver.errors import EnvironmentProblem
from fustor_driver.kinds import Kind

__all__ = ["GROUP", "World", "WorldClass", "entry_name", "find_world", "has_world"]

GROUP = "fustor.conformance.worlds"


class World(Protocol):
    """A system of its own, there from entering to leaving it."""

    def __enter__(self) -> Self:
        """Set the system up."""

    def __exit__(self, *exc_info: object) -> None:
        """Tear it down."""

    def config(self) -> dict[str, Any]:
        """Keywords of the driver's configuration."""


class WorldClass(Protocol):
    """What the entry point names."""

    def __call__(self) -> World:
        """A world that is not set up yet."""

    def demo(self) -> AbstractContextManager[dict[str, Any]]:
        """A world that keeps changing while it is entered; yields keywords of the driver's configuration."""


def has_world(kind: Kind, name: str) -> bool:
    """Whether a package brings a world for this driver."""
    return bool(entry_points(group=GROUP, name=entry_name(kind, name)))


def find_world(kind: Kind, name: str) -> WorldClass:
    """The world class for a driver.

    Raises:
        EnvironmentProblem: no package brings one.
    """
    found = list(entry_points(group=GROUP, name=entry_name(kind, name)))
    if not found:
        raise EnvironmentProblem(
            f"No package brings a world for the {kind} {name!r}; one registers it in the entry-point group {GROUP!r}"
        )
    return cast("WorldClass", found[0].load())


def entry_name(kind: Kind, name: str) -> str:
    """What a driver's world is registered as: `source-my-db`."""
    return f"{kind}-{name.replace('_', '-')}"
