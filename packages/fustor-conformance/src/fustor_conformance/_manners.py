"""What is known of a driver's manners: one that once did not stop, or hung, is given less time afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_STOP_SEC = 5.0
"""Above the contract's 2 s; what is slower is not waited for a second time."""
_KNOWN_SEC = 0.2
_USUAL_SEC = 0.5
"""What a World and one read or push take together in a driver that no deadline has to be stretched for."""
_LEAST_SEC = 2.0
_HURRIED_SEC = 0.3
_WAITED_SEC = 0.5
"""A change that takes so long, from a World and a driver that are quick otherwise, is one that the driver polls for."""
_DELIVERIES = 4
"""What a change may take once one has been lost: so many times what the slowest of the others took, and not less."""


@dataclass
class Manners:
    """Of one driver, for all checks."""

    ignores_stop: bool = False
    hangs: int = 0
    slowness: float = 1.0
    """What deadlines are multiplied by: 1 for all but slow drivers and slow Worlds."""

    lost: int = 0
    """How often a change was waited for to the end of all patience, and in vain."""

    delivery_sec: float = 0.0
    """What the slowest delivery took."""

    blocked: str = ""
    """What the World raised when it could not change its system, after it had tried for long; a check broke off."""

    is_hurried: bool = False
    """Whether what is seen now is seen once more, with all patience, before it is told."""

    is_measured: bool = False
    """Whether it is known how slow driver and World are."""

    event_sec: float = 0.0
    """What an event takes by itself, as far as many in a row have shown."""

    def measured(self, seconds: float) -> None:
        """A World was entered, changed and read once, and the driver asked once; what a hang took says nothing."""
        if self.hangs:
            return
        self.slowness = max(1.0, seconds / _USUAL_SEC)
        self.is_measured = True

    @property
    def is_waited_for(self) -> bool:
        """Whether a change takes long of which next to nothing is work."""
        return self.is_measured and self.slowness == 1 and self.delivery_sec >= _WAITED_SEC

    def delivered(self, seconds: float) -> None:
        """A change arrived after that time."""
        self.delivery_sec = max(self.delivery_sec, seconds)

    def patience(self, seconds: float) -> float:
        """How long a change may take, of the time that the run allows: a driver that loses some is given less."""
        if not (self.lost or self.is_hurried):
            return seconds
        return min(seconds, max(_HURRIED_SEC if self.is_hurried else _LEAST_SEC, _DELIVERIES * self.delivery_sec))

    def delayed(self, seconds: float) -> float:
        """How long a change may be behind one that was made later, of the time that the run allows."""
        return min(seconds, max(_LEAST_SEC, _DELIVERIES * self.delivery_sec))

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """While the block runs a change that is lost is hardly waited for."""
        self.is_hurried = True
        try:
            yield
        finally:
            self.is_hurried = False

    def learn(self, other: Manners) -> None:
        """What another process has found out of the same driver."""
        self.ignores_stop = self.ignores_stop or other.ignores_stop
        self.is_measured = self.is_measured or other.is_measured
        self.hangs = max(self.hangs, other.hangs)
        self.lost = max(self.lost, other.lost)
        self.slowness = max(self.slowness, other.slowness)
        self.delivery_sec = max(self.delivery_sec, other.delivery_sec)
        self.blocked = self.blocked or other.blocked

    def join(self, thread: threading.Thread) -> None:
        """Wait until a stream that was told to stop has ended; one that never does is waited for once."""
        thread.join(_KNOWN_SEC if self.ignores_stop else _STOP_SEC)
        if thread.is_alive():
            self.ignores_stop = True
