"""Where a run begins: after the index that the pusher has committed, or with a snapshot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fustor_driver.errors import CheckFailed
from fustor_driver.hosts.attempts import Attempt
from fustor_driver.hosts.calls import Session, counted, is_reached, pause_sec
from fustor_driver.hosts.notes import SnapshotMark
from fustor_driver.hosts.parts import Parts
from fustor_driver.hosts.status import PhaseState
from fustor_driver.redaction import safe_logger
from fustor_driver.supervision import in_thread
from fustor_event_model import MessageSource

__all__ = ["Start", "find_start"]

_log = safe_logger("fustor_driver.host")


@dataclass(frozen=True)
class Start:
    """The index to resume after; -1 for a snapshot, and why there is one."""

    position: int
    why: str = ""


async def find_start(parts: Parts, mark: SnapshotMark, session: Session) -> Start | None:
    """Where the run begins; None when the host stops meanwhile. The mark is set where that is with a snapshot.

    Raises:
        CheckFailed: the source stayed out of reach, so that nobody can say; the position is kept for the next start.
    """
    committed = await parts.committed_index(session)
    parts.progress.committed_index = committed
    if parts.options.full_refresh:
        why = "as asked"
    elif committed <= 0:
        why = "nothing is committed for this task yet"
    elif mark.is_set():
        why = "the last one was not finished"
    elif await _is_available(parts, committed):
        return Start(committed)
    elif parts.control.stopping:
        return None
    else:
        why = f"index {committed} cannot be resumed, the source no longer has all that came after it"
    mark.set()
    return Start(-1, why)


async def _is_available(parts: Parts, position: int) -> bool:
    """Whether a stream from `position` would miss nothing. A source out of reach is waited for: it cannot say."""
    source, progress = parts.source, parts.progress
    counts = progress.phases[MessageSource.REALTIME]
    if await _has(parts, position):
        return True
    counts.begin(lambda: (0, 0.0), PhaseState.CONNECTING)
    attempts = source.config.max_retries
    for attempt in range(1, attempts + 1):
        reached, text = await is_reached(source)
        if reached:
            progress.attempted(MessageSource.REALTIME, Attempt(0, text))
            return await _has(parts, position)
        if not await _pause(parts, attempt, text):
            counts.end(PhaseState.FAILED)
            return False
    counts.end(PhaseState.FAILED)
    raise CheckFailed(
        f"The source {source.id!r} was not reached in {counted(attempts)}: {text}; mend it and start again, "
        "nothing is lost"
    )


async def _has(parts: Parts, position: int) -> bool:
    try:
        return await in_thread(lambda: parts.source.is_position_available(position), "fustor-position")
    except asyncio.CancelledError:
        parts.progress.under_way.leave(parts.source, "is_position_available")
        raise


async def _pause(parts: Parts, attempt: int, text: str) -> bool:
    """Say that an attempt failed and wait before the next one; False when the host stops meanwhile."""
    source, control = parts.source, parts.control
    seconds = pause_sec(source.config.retry_delay_sec, 1, parts.options.backoff_max_sec)
    said = f"The source {source.id!r} is not reached (attempt {attempt} of {source.config.max_retries}"
    parts.progress.attempted(MessageSource.REALTIME, Attempt(attempt, f"{said}): {text}"))
    _log.warning("%s, next in %.3g s): %s", said, seconds, text)
    return not await control.bell.wait_until(lambda: control.stopping, seconds)
