"""When audits count, and how the agent is brought to begin one anew.

The agent never says when an audit starts, so `Audit-Start` stands before any can: it is pushed after a snapshot's end
and after each `Audit-End`. Where that was too late (an audit that runs beside a snapshot) or an audit broke off, the
agent has to drop the audit under way and what it remembers of it. It does so when its role changes: told `follower`,
it cancels its audit; told `leader` again, it clears its cache and waits a whole interval before the next audit.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

__all__ = ["FOLLOWER", "LEADER", "Brackets", "Stage"]

LEADER = "leader"
FOLLOWER = "follower"
_SETTLE_SEC = 0.5  # in which the agent ends its audit; it waits 0.1 s for that


class Stage(Enum):
    """What stands between a session and its next audit."""

    SNAPSHOT = auto()
    """The snapshot is under way: the agent leads, and an audit does not count."""
    ENDED = auto()
    """The snapshot's end is durable, and the agent is about to tell it once more."""
    UNSET = auto()
    """An audit under way does not count; the agent has to be called back."""
    CALLED_BACK = auto()
    """The agent follows: no audit is under way."""
    STANDING = auto()
    """`Audit-Start` is durable, and nothing was listed before it."""


class Brackets:
    """The stage of one session. Nothing here pushes or waits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._called_back_at = 0.0
        self.stage = Stage.SNAPSHOT

    @property
    def audits_count(self) -> bool:
        """Whether rows of an audit may be pushed."""
        return self.stage is Stage.STANDING

    def snapshot_ended(self) -> None:
        """Take note of the snapshot's end, of which the agent tells twice."""
        if self.stage is Stage.SNAPSHOT:
            self.stage = Stage.ENDED
        elif self.stage is Stage.ENDED:  # only now its task is over, which a change of role would cancel
            self.stage = Stage.UNSET

    def unset(self) -> None:
        """Have the next audit begun anew, in which everything is listed."""
        if self.stage is Stage.STANDING:
            self.stage = Stage.UNSET

    def call_back(self) -> bool:
        """Whether the agent is to be told to follow now."""
        if self.stage is Stage.UNSET:
            self.stage = Stage.CALLED_BACK
            self._called_back_at = self._clock()
        return self.stage is Stage.CALLED_BACK and self._clock() - self._called_back_at < _SETTLE_SEC

    def started(self) -> None:
        """Take note of an `Audit-Start` that is durable."""
        self.stage = Stage.STANDING
