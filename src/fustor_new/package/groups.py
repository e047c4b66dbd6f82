"""The entry-point groups by which hosts find drivers."""

import re
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["GROUPS", "KIND_OF_GROUP", "WORLDS", "is_meant_for_hosts"]

KIND_OF_GROUP: Mapping[str, str] = MappingProxyType(
    {
        "fustor.drivers.sources": "source",
        "fustor.drivers.pushers": "pusher",
        "fustor_agent.drivers.sources": "source",
        "fustor_agent.sources": "source",
        "fustor_agent.drivers.pushers": "pusher",
    }
)
"""Every group in which a host looks for drivers, and the kind that it expects there."""
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        kind: tuple(group for group, its_kind in KIND_OF_GROUP.items() if its_kind == kind and ".drivers." in group)
        for kind in dict.fromkeys(KIND_OF_GROUP.values())
    }
)
"""The groups that a driver of each kind is to be found in: the guide host's, and the released agents'."""
WORLDS = "fustor.conformance.worlds"
_ALSO_SCANNED = {"fustor_agent.senders", "fustor_agent.drivers.senders"}
_MEANT = re.compile(r"fustor\.drivers\b|fustor_agent\b|fustor[\w.]*\.(sources?|pushers?|senders?|sinks?|drivers?)\Z")


def is_meant_for_hosts(group: str) -> bool:
    """Tell whether an entry-point group reads as if a host looked for drivers in it."""
    return bool(_MEANT.match(group)) and group not in _ALSO_SCANNED
