"""Feeding batches of events to a pusher, outside a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from fustor_core.drivers import PusherDriver
from fustor_driver.errors import CheckFailed
from fustor_driver.event_files import Batch
from fustor_driver.hosts import calls
from fustor_event_model import EventBase

__all__ = ["Fed", "feed", "grouped"]


@dataclass
class Fed:
    """What was pushed."""

    sessions: int = 0
    batches: int = 0
    events: int = 0
    rows: int = 0
    snapshot_needed: bool = False
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
    fed = Fed()
    async with calls.closing(pusher):
        for _, session in groupby(batches, key=lambda batch: batch.session_id):
            opened = await calls.session_opened(pusher, task_id, allow_deletions=allow_deletions)
            fed.sessions += 1
            for batch in session:
                answer = await opened.pushed(batch.events, batch.phase, is_snapshot_end=batch.is_snapshot_end)
                if not answer.success:
                    raise CheckFailed(
                        f"The pusher {pusher.id!r} takes nothing before it has a complete snapshot; push that first"
                    )
                fed.snapshot_needed |= answer.snapshot_needed
                fed.refused_rows += answer.refused_rows
                fed.refused_deletions += answer.refused_deletions
                fed.batches += 1
                fed.events += len(batch.events)
                fed.rows += sum(len(event.rows) for event in batch.events)
                look(batch)
    return fed


def grouped(events: Iterable[EventBase], max_events: int) -> Iterator[Batch]:
    """Events as batches of one phase each, in order, in one session."""
    for phase, group in groupby(events, key=lambda event: event.message_source):
        while batch := tuple(islice(group, max_events)):
            yield Batch(session_id="", phase=phase, events=batch)
