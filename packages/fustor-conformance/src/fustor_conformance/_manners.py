"""What is known of a driver's manners: one that once did not stop, or hung, is given less time afterwards."""

from __future__ import annotations

import threading
from dataclasses import dataclass

_STOP_SEC = 5.0
"""Above the contract's 2 s; what is slower is not waited for a second time."""
_KNOWN_SEC = 0.2
_USUAL_SEC = 0.5
"""What a World and one read or push take together in a driver that no deadline has to be stretched for."""


@dataclass
class Manners:
    """Of one driver, for all checks."""

    ignores_stop: bool = False
    hangs: int = 0
    slowness: float = 1.0
    """What deadlines are multiplied by: 1 for all but slow drivers and slow Worlds."""

    event_sec: float = 0.0
    """What an event takes by itself, as far as many in a row have shown."""

    def measured(self, seconds: float) -> None:
        """A World was entered, changed and read once, and the driver asked once."""
        self.slowness = max(1.0, seconds / _USUAL_SEC)

    def join(self, thread: threading.Thread) -> None:
        """Wait until a stream that was told to stop has ended; one that never does is waited for once."""
        thread.join(_KNOWN_SEC if self.ignores_stop else _STOP_SEC)
        if thread.is_alive():
            self.ignores_stop = True
