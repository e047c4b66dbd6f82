"""The kinds of drivers, and what follows from being of one: CONTRIBUTING.md says what another one would take."""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = ["ANY_KIND", "KIND_OF_GROUP", "WORLDS", "Kind", "is_meant_for_hosts"]


class Kind(StrEnum):
    """What a driver is."""

    SOURCE = "source"
    PUSHER = "pusher"

    @property
    def groups(self) -> tuple[str, ...]:
        """The entry-point groups that a driver is to be found in: the guide host's, and the released agents'."""
        return f"fustor.drivers.{self}s", f"fustor_agent.drivers.{self}s"

    @property
    def base(self) -> str:
        """The class of the contract that a driver inherits from."""
        return f"{self.capitalize()}Driver"

    @property
    def suite(self) -> str:
        """The class of the conformance kit that a driver's tests inherit from."""
        return f"{self.capitalize()}Conformance"

    @property
    def section(self) -> str:
        """The part of a configuration file that has such drivers."""
        return f"{self}s"

    @property
    def task(self) -> str:
        """What a driver of this kind does, as the end of a sentence."""
        return _TASKS[self]

    @property
    def classes(self) -> frozenset[str]:
        """The classes that the contract and its kit have for this kind alone."""
        return frozenset(f"{self.capitalize()}{part}" for part in ("Config", "Conformance", "Driver"))


_TASKS: Mapping[Kind, str] = MappingProxyType(
    {Kind.SOURCE: "reads a system and emits its changes", Kind.PUSHER: "writes events to a destination"}
)
ANY_KIND = "|".join(Kind)
"""A regular expression's alternatives."""
KIND_OF_GROUP: Mapping[str, Kind] = MappingProxyType(
    {group: kind for kind in Kind for group in kind.groups} | {"fustor_agent.sources": Kind.SOURCE}
)
"""Every entry-point group in which a host looks for drivers, and the kind that it expects there."""
WORLDS = "fustor.conformance.worlds"
_ALSO_SCANNED = {"fustor_agent.senders", "fustor_agent.drivers.senders"}
_MEANT = re.compile(r"fustor\.drivers\b|fustor_agent\b|fustor[\w.]*\.(sources?|pushers?|senders?|sinks?|drivers?)\Z")


def is_meant_for_hosts(group: str) -> bool:
    """Tell whether an entry-point group reads as if a host looked for drivers in it."""
    return bool(_MEANT.match(group)) and group not in _ALSO_SCANNED
