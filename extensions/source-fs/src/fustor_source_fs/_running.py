"""What every iterator of a driver instance is given: when to end, and what to count."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, fields

__all__ = ["Counters", "Stop", "StoppedError"]

_log = logging.getLogger(__name__)
_SLICE_SEC = 0.2
_REMEMBERED = 1000


class StoppedError(Exception):
    """The iterator was stopped while it worked."""


class Stop:
    """Set as soon as the driver is closed, the host asks for it or `set` is called, from any thread."""

    def __init__(self, driver: threading.Event, host: threading.Event | None) -> None:
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


@dataclass
class Counters:
    """Counters and gauges of one driver instance.

    Counters only grow: `overflows` of the kernel's or the driver's queue, `rescans` of the whole tree after one,
    `failed_listings` of directories, in any phase. Gauges describe the newest realtime stream: `watched_directories`,
    `unwatched_directories` (polled), `unreadable_directories`, `queued_bytes` of kernel events not handled yet.
    """

    overflows: int = 0
    rescans: int = 0
    failed_listings: int = 0
    watched_directories: int = 0
    unwatched_directories: int = 0
    unreadable_directories: int = 0
    queued_bytes: int = 0
    _reported: set[str] = field(default_factory=set)

    def report_unlisted(self, path: str, error: OSError | None) -> None:
        """Count a directory whose listing failed, and log each such path once. Without an error it was left out."""
        if error is None:
            return
        self.failed_listings += 1
        if path not in self._reported and len(self._reported) < _REMEMBERED:
            self._reported.add(path)
            _log.warning("Directory %r cannot be listed (%s); nothing is claimed about what it holds", path, error)

    def report_empty(self, root: str) -> None:
        """Log, once, that the root holds nothing."""
        if root not in self._reported:
            self._reported.add(root)
            _log.warning(
                "The root %r is empty, as a disk that is not mounted leaves it: nothing is deleted downstream; "
                "mount it, or set `allow_empty_root: true` where it may be empty",
                root,
            )

    def as_mapping(self) -> dict[str, float]:
        return {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("_")}
