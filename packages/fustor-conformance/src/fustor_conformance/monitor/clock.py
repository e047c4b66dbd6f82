"""Times of rows against the clock that the kit itself reads: seconds, since the epoch, in UTC."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fustor_conformance.monitor.finding import Finding, Told
from fustor_event_model import MessageSource

__all__ = ["Clock", "Times"]

_TOLERANCE_SEC = 60.0
"""How far the clock of a source on another machine may be from ours."""
_UNITS = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
_BOOTED_LONG_AGO_SEC = 10_000.0
"""Below it a monotonic clock is no larger than small numbers that a made-up source may count."""


@dataclass(frozen=True)
class Clock:
    """What the kit read when it began, and how far local time is ahead of UTC here.

    Args:
        offset_sec: local time minus UTC; 0 where it says nothing.
        is_bounded: whether all that is told has happened since `began`, as in a World.
    """

    offset_sec: float = 0.0
    is_bounded: bool = True
    began: float = field(default_factory=time.time)
    monotonic_began: float = field(default_factory=time.monotonic)
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def holds(self, seconds: float) -> bool:
        """Whether it lies between the beginning and now."""
        return self.began - _TOLERANCE_SEC <= seconds <= self.now() + _TOLERANCE_SEC


class Times:
    """The times that one driver puts into rows. Files may be older than the kit, and newer by their owner's will.

    So a file's time is a finding only where it is explained: it is now in another unit, another zone or another
    clock. A database's time is that of a commit or a reading: it never lies in the future, and before the beginning
    only where the phase knows no real time at all.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._real: set[MessageSource] = set()

    def look(self, told: Told) -> Iterator[Finding]:
        """E12 and E13, for each row with a number for an mtime."""
        is_file = told.event.event_schema == "fs"
        for where, row in told.rows():
            mtime = row.get("mtime")
            if not isinstance(mtime, int | float) or isinstance(mtime, bool):
                continue
            if self._clock.holds(mtime):
                self._real.add(told.phase)
                continue
            explained = self._explained(where, float(mtime), is_file=is_file)
            is_row = not is_file and not row.get("is_directory")
            if finding := explained or (self._outside(where, float(mtime), told.phase) if is_row else None):
                yield Finding(finding.rule_id, finding.seen, row)

    def _explained(self, where: str, mtime: float, *, is_file: bool) -> Finding | None:
        clock = self._clock
        for unit, factor in _UNITS.items():
            if clock.holds(mtime / factor):
                return Finding("E12", f"{where} has mtime {mtime!r}, which is now in {unit}, not in seconds")
        if self._is_zone(mtime, is_file=is_file):
            seen = f"{where} has mtime {mtime!r}, off by the {clock.offset_sec / 3600:+.2f} h of the local time zone"
            return Finding("E13", seen)
        booted = clock.monotonic_began
        if clock.is_bounded and booted > _BOOTED_LONG_AGO_SEC and booted <= mtime <= clock.monotonic() + 1:
            return Finding("E12", f"{where} has mtime {mtime!r}, which is the monotonic clock, not the time of day")
        return None

    def _is_zone(self, mtime: float, *, is_file: bool) -> bool:
        clock = self._clock
        if not clock.offset_sec or (is_file and not clock.is_bounded):
            return False
        is_future = mtime > clock.now() + _TOLERANCE_SEC
        shifted = (mtime - clock.offset_sec, mtime + clock.offset_sec)
        return any(clock.holds(seconds) for seconds in shifted) and (clock.is_bounded or is_future)

    def _outside(self, where: str, mtime: float, phase: MessageSource) -> Finding | None:
        now = self._clock.now()
        if not self._clock.is_bounded:
            return None  # the clock of a source that is not ours may be wrong
        if mtime > now:
            return Finding("E12", f"{where} has mtime {mtime!r}, which lies {mtime - now:.0f} s in the future")
        if phase in self._real:
            ago = self._clock.began - mtime
            return Finding("E12", f"{where} has mtime {mtime!r}, {ago:.0f} s before there was anything to read")
        return None
