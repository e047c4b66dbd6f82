"""The two kinds of drivers, and the hosts that run them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Kind", "Profile"]


class Kind(StrEnum):
    """What a driver is."""

    SOURCE = "source"
    PUSHER = "pusher"

    @property
    def address_key(self) -> str:
        """What the address is called in an entry of this kind."""
        return "uri" if self is Kind.SOURCE else "endpoint"


class Profile(StrEnum):
    """A host: it finds drivers by entry points of its own, and a verdict speaks of it."""

    GUIDE = "guide"
    AGENT_0_2 = "agent-0.2"
    AGENT_0_8 = "agent-0.8"

    @property
    def release(self) -> str:
        """The last version that was published of it; empty for the guide's host, which is this one."""
        return {Profile.GUIDE: "", Profile.AGENT_0_2: "0.2.16", Profile.AGENT_0_8: "0.8.17"}[self]
