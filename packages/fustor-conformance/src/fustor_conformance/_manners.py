"""What is known of a driver's manners: one that once did not stop, or hung, is given less time afterwards."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

_STOP_SEC = 5.0
"""Above the contract's 2 s; what is slower is not waited for a second time."""
_KNOWN_SEC = 0.2
_USUAL_SEC = 0.5
"""What a World and one read or push take together in a driver that no deadline has to be stretched for."""


@dataclass
class Manners:
    """Of one driver, for all checks. `live` are the stop events and instances that are in use now."""

    ignores_stop: bool = False
    hangs: int = 0
    slowness: float = 1.0
    """What deadlines are multiplied by: 1 for all but slow drivers and slow Worlds."""
    _live: list[Any] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def measured(self, seconds: float) -> None:
        """A World was entered, changed and read once, and the driver asked once."""
        self.slowness = max(1.0, seconds / _USUAL_SEC)

    def join(self, thread: threading.Thread) -> None:
        """Wait until a stream that was told to stop has ended; one that never does is waited for once."""
        thread.join(_KNOWN_SEC if self.ignores_stop else _STOP_SEC)
        if thread.is_alive():
            self.ignores_stop = True

    def took(self, thing: Any) -> None:
        """A stop event, or an instance of the driver, is in use."""
        with self._lock:
            self._live.append(thing)

    def left(self, thing: Any) -> None:
        """It is no longer."""
        with self._lock:
            self._live = [other for other in self._live if other is not thing]

    def release(self) -> None:
        """Tell everything that is in use to stop, so that a check which hangs may come back and tidy up."""
        with self._lock:
            live, self._live = self._live, []
        for thing in live:
            event = thing if isinstance(thing, threading.Event) else getattr(thing, "_stop_driver_event", None)
            if isinstance(event, threading.Event):
                event.set()
