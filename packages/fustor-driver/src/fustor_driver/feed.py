"""Feeding batches of events to a pusher, outside a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from fustor_core.drivers import PusherDriver
from fustor_driver.errors import CheckFailed
from fustor_driver.event_files import Batch
from fustor_driver.hosts import calls
from fustor_driver.hosts.replies import PushReply
from fustor_event_model import EventBase

__all__ = ["Fed", "feed", "grouped"]

_BACKOFF_MAX_SEC = 60.0


@dataclass(frozen=True)
class Fed:
    """What was pushed."""

    sessions: int
    batches: int
    events: int
    rows: int
    snapshot_needed: bool
    refused_rows: int = 0
    refused_deletions: int = 0


async def feed(
    pusher: PusherDriver,
    batches: Iterable[Batch],
    task_id: str,
    *,
    allow_deletions: bool = False,
    look: Callable[[Batch], None] = lambda _: None,
) -> Fed:
    """Push batches in order, each of their sessions in a new session of `task_id`; the pusher is closed at the end.

    Raises:
        DriverError: the pusher refuses a batch; everything before it is pushed.
        CheckFailed: it stayed out of reach, or wants a complete snapshot first.
    """
    sessions = pushed = events = rows = refused_rows = refused_deletions = 0
    needed = False
    try:
        for _, session in groupby(batches, key=lambda batch: batch.session_id):
            reply = await calls.session_opened(pusher, task_id, _BACKOFF_MAX_SEC)
            sessions += 1
            for batch in session:
                answer = await _push(pusher, batch, reply.session_id, task_id, allow_deletions=allow_deletions)
                needed = answer.snapshot_needed or needed
                refused_rows += answer.refused_rows
                refused_deletions += answer.refused_deletions
                pushed += 1
                events += len(batch.events)
                rows += sum(len(event.rows) for event in batch.events)
                look(batch)
    finally:
        await pusher.close()
    return Fed(sessions, pushed, events, rows, needed, refused_rows, refused_deletions)


def grouped(events: Iterable[EventBase], max_events: int) -> Iterator[Batch]:
    """Events as batches of one phase each, in order, in one session."""
    for phase, group in groupby(events, key=lambda event: event.message_source):
        batch: list[EventBase] = []
        for event in group:
            batch.append(event)
            if len(batch) >= max_events:
                yield Batch(session_id="", phase=phase, events=tuple(batch))
                batch = []
        if batch:
            yield Batch(session_id="", phase=phase, events=tuple(batch))


async def _push(
    pusher: PusherDriver, batch: Batch, session_id: str, task_id: str, *, allow_deletions: bool
) -> PushReply:
    """Push one batch until it is through; what the pusher answers then."""
    reply = await calls.pushed(
        pusher,
        batch.events,
        batch.phase,
        longest_sec=_BACKOFF_MAX_SEC,
        session_id=session_id,
        task_id=task_id,
        is_snapshot_end=batch.is_snapshot_end,
        allow_deletions=allow_deletions,
    )
    if not reply.success:
        raise CheckFailed(f"The pusher {pusher.id!r} takes nothing before it has a complete snapshot; push that first")
    return reply
