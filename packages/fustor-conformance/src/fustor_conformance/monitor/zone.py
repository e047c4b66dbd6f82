"""A time zone with an odd offset, so that local time taken for UTC, or UTC for local time, shows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["give_zone_back", "local_offset_sec", "odd_zone", "set_zone"]

_NAME = "Asia/Kathmandu"
_SPELLED_OUT = "KIT-05:45"
_GONE = object()
_ZONES = Path("/usr/share/zoneinfo")


_lock = threading.Lock()
_blocks: dict[object, str | None] = {}
"""The blocks that run, each with the zone that the process had before the first one."""


@contextmanager
def odd_zone() -> Iterator[None]:
    """While such a block runs, local time is 5 h 45 min ahead of UTC, in child processes too; not on Windows."""
    if not hasattr(time, "tzset"):
        yield
        return
    block = object()
    with _lock:
        before = _blocks[block] = next(iter(_blocks.values()), os.environ.get("TZ"))
        set_zone(_NAME if (_ZONES / _NAME).is_file() else _SPELLED_OUT)  # also where a driver has left another one
    try:
        yield
    finally:
        with _lock:
            if _blocks.pop(block, _GONE) is not _GONE and not _blocks:
                set_zone(before)


def give_zone_back() -> None:
    """End all blocks, where one of them stands in a thread that does not end."""
    with _lock:
        if _blocks:
            set_zone(next(iter(_blocks.values())))
            _blocks.clear()


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
