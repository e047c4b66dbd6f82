"""When an iterator is to end."""

from __future__ import annotations

import threading
import time
from typing import Protocol

__all__ = ["Stop", "StoppedError"]

_SLICE_SEC = 0.2


class _Event(Protocol):
    def is_set(self) -> bool: ...


class StoppedError(Exception):
    """The iterator was stopped while it worked."""


class Stop:
    """Set as soon as the driver is closed, the host asks for it or `set` is called, from any thread."""

    def __init__(self, driver: _Event, host: _Event | None) -> None:
        self._own = threading.Event()
        self._driver = driver
        self._host = self._own if host is None else host

    def set(self) -> None:
        """End this iterator alone."""
        self._own.set()

    def is_set(self) -> bool:
        return self._own.is_set() or self._driver.is_set() or self._host.is_set()

    def check(self) -> None:
        """Raise StoppedError if it is set."""
        if self.is_set():
            raise StoppedError

    def wait(self, seconds: float) -> None:
        """Return after this time, or soon after it is set."""
        until = time.monotonic() + seconds
        while not self.is_set() and (left := until - time.monotonic()) > 0:
            self._own.wait(min(left, _SLICE_SEC))
