"""When a run that is to end has all that it is for: everything there was when its snapshot was complete."""

from __future__ import annotations

import time

from fustor_driver.hosts.parts import Parts
from fustor_driver.hosts.realtime import Realtime
from fustor_driver.hosts.status import PhaseState
from fustor_driver.redaction import safe_logger
from fustor_driver.supervision import in_thread
from fustor_event_model import MessageSource

__all__ = ["bounds_of", "caught_up"]

_log = safe_logger("fustor_driver.host")
_LOOK_SEC = 0.05
_PROGRESS_SHARE = 4
_PATIENCE_SHARE = 15
_NEVER_QUIET_SHARE = 30


def bounds_of(parts: Parts) -> dict[str, float]:
    """Keywords of the stream of a run that is to end: an idle source that can say so tells how far it is."""
    if not parts.options.once or "progress_interval" not in parts.source.capabilities:
        return {}
    return {"progress_interval": parts.options.quiet_sec / _PROGRESS_SHARE}


async def caught_up(parts: Parts, realtime: Realtime) -> bool:
    """Wait until everything that the source had at the call is pushed; False if a stop or a new session comes first.

    A source with positions says which one is the newest now. A stream that reads up to it (`end_position`) or tells
    of progress is exact. Any other source has caught up when it was quiet for `quiet_sec`. Nothing is lost where that
    is too early: the next run resumes behind what was pushed, or takes a snapshot.

    Raises:
        DriverError: the source has lost its positions.
    """
    control = parts.control
    newest = await control.unless_stopping(_newest(parts))
    if newest is not None and "end_position" in parts.source.capabilities and not bounds_of(parts):
        await realtime.end_at(newest)
    began = time.monotonic()
    while not _is_through(parts, realtime, newest, began):
        if await control.bell.wait_until(lambda: control.breaks_off, _LOOK_SEC):
            return False
    return not control.breaks_off


async def _newest(parts: Parts) -> int | None:
    """The newest position, where the source has any."""
    source = parts.source
    if "get_latest_position" not in source.capabilities:
        return None
    with parts.progress.under_way.call(source, "get_latest_position"):
        return await in_thread(source.get_latest_position, "fustor-position")


def _is_through(parts: Parts, realtime: Realtime, newest: int | None, began: float) -> bool:
    if realtime.is_bounded:
        return realtime.has_ended
    if newest is not None and parts.progress.committed_index >= newest:
        return True
    if parts.progress.phases[MessageSource.REALTIME].shown_state is PhaseState.RETRYING:
        return False  # that it tells nothing is no wonder
    quiet_sec = parts.options.quiet_sec * (_PATIENCE_SHARE if newest is not None and bounds_of(parts) else 1)
    now = time.monotonic()
    if not realtime.is_busy and now - max(realtime.busy_at, began) >= quiet_sec:
        return True
    if newest is None and now - began >= _NEVER_QUIET_SHARE * parts.options.quiet_sec:
        _log.warning(
            "The source %r is never quiet; what it has emitted so far is pushed, and the next run finds the rest",
            parts.source.id,
        )
        return True
    return False
