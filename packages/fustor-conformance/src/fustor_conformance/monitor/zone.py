"""A time zone with an odd offset, so that local time taken for UTC, or UTC for local time, shows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["local_offset_sec", "odd_zone", "set_zone"]

_NAME = "Asia/Kathmandu"
_SPELLED_OUT = "KIT-05:45"
_ZONES = Path("/usr/share/zoneinfo")


_lock = threading.Lock()
_before: list[str | None] = []
"""The zone of the process, once for each block that is running; the last one to end gives it back."""


@contextmanager
def odd_zone() -> Iterator[None]:
    """While such a block runs, local time is 5 h 45 min ahead of UTC, in child processes too; not on Windows."""
    if not hasattr(time, "tzset"):
        yield
        return
    with _lock:
        _before.append(_before[0] if _before else os.environ.get("TZ"))
        set_zone(_NAME if (_ZONES / _NAME).is_file() else _SPELLED_OUT)  # also where a driver has left another one
    try:
        yield
    finally:
        with _lock:
            before = _before.pop()
            if not _before:
                set_zone(before)


def set_zone(zone: str | None) -> None:
    """Make it the process's time zone; None is the machine's own."""
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    if hasattr(time, "tzset"):
        time.tzset()


def local_offset_sec() -> float:
    """Local time minus UTC, in seconds, now."""
    return float(time.localtime().tm_gmtoff)
