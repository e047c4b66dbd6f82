"""A time zone with an odd offset, so that local time taken for UTC, or UTC for local time, shows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["local_offset_sec", "odd_zone", "set_zone"]

_NAME = "Asia/Kathmandu"
_SPELLED_OUT = "KIT-05:45"
_ZONES = Path("/usr/share/zoneinfo")


@contextmanager
def odd_zone() -> Iterator[None]:
    """While the block runs, local time is 5 h 45 min ahead of UTC, in child processes too; not on Windows."""
    if not hasattr(time, "tzset"):
        yield
        return
    before = os.environ.get("TZ")
    set_zone(_NAME if (_ZONES / _NAME).is_file() else _SPELLED_OUT)
    try:
        yield
    finally:
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
