"""The phases of the guide host that read everything: a snapshot and an audit, each in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby

from fustor_core.exceptions import DriverError
from fustor_driver.hosts.calls import Session
from fustor_driver.hosts.delivery import UNDELIVERED, Delivery, Outcome
from fustor_driver.hosts.parts import Parts
from fustor_driver.hosts.reader import Reader
from fustor_driver.hosts.status import PhaseState
from fustor_event_model import EventBase, LifecycleSignal, MessageSource

__all__ = ["run_audit", "run_snapshot"]

_LINGER_SEC = 0.02


async def run_snapshot(delivery: Delivery, session: Session) -> bool:
    """Read and push one snapshot; whether it is complete and its end is pushed.

    Raises:
        DriverError: what the iterator raised, or the pusher's refusal of the end.
    """
    parts = delivery.parts
    reader = parts.reader(MessageSource.SNAPSHOT, linger_sec=_LINGER_SEC)
    async with _reading(parts, MessageSource.SNAPSHOT, reader, lambda: parts.control.stopping) as run:
        async for events in _batches(parts, reader):
            if await delivery.push(session, MessageSource.SNAPSHOT, events) in UNDELIVERED:
                return False
        if not reader.stopped:
            run.complete = await delivery.finish_snapshot(session) is Outcome.PUSHED
    return run.complete


async def run_audit(delivery: Delivery, session: Session) -> bool:
    """Read and push one audit; whether it came to its end.

    Nothing is asked of the source after Audit-Start until its push has returned, and an audit of which the pusher
    refused anything is not ended: its deletions would be wrong.

    Raises:
        DriverError: what the iterator raised.
    """
    parts = delivery.parts
    reader = parts.reader(MessageSource.AUDIT, pause_after=_starts_audit, linger_sec=_LINGER_SEC)
    async with _reading(parts, MessageSource.AUDIT, reader, lambda: parts.control.breaks_off) as run:
        async for events in _batches(parts, reader):
            for part in _signals_alone(events):
                if reader.stopped or await delivery.push(session, MessageSource.AUDIT, part) is not Outcome.PUSHED:
                    return False
            reader.resume()
        run.complete = not reader.stopped
    return run.complete


@dataclass
class _Run:
    complete: bool = False


@asynccontextmanager
async def _reading(
    parts: Parts, phase: MessageSource, reader: Reader, gives_up: Callable[[], bool]
) -> AsyncIterator[_Run]:
    """One pass of a phase: counted, stopped as soon as `gives_up`, its thread gone afterwards."""

    async def watch() -> None:
        await parts.control.bell.wait_until(gives_up)
        reader.stop()

    run = _Run()
    watcher = asyncio.ensure_future(watch())
    counts = parts.progress.phases[phase]
    counts.begin(lambda: (reader.waiting, reader.lag_sec))
    reader.start()
    try:
        yield run
    finally:
        watcher.cancel()
        is_away = counts.shown_state is PhaseState.RETRYING
        incomplete = PhaseState.STOPPED if gives_up() and not is_away else PhaseState.FAILED
        counts.end(PhaseState.DONE if run.complete else incomplete)
        await parts.join(reader)


async def _batches(parts: Parts, reader: Reader) -> AsyncIterator[list[EventBase]]:
    """Batches up to the end; once stop was requested, an error of the iterator is ignored."""
    options = parts.options
    try:
        while events := await reader.take(options.push_max_events, options.push_max_rows, options.push_max_bytes):
            yield events
    except DriverError:
        if not reader.stopped:
            raise


def _starts_audit(event: EventBase) -> bool:
    return event.signal is LifecycleSignal.AUDIT_START


def _signals_alone(events: Sequence[EventBase]) -> Iterator[list[EventBase]]:
    for signal, group in groupby(events, key=lambda event: event.signal):
        part = list(group)
        if signal is None:
            yield part
        else:
            yield from ([event] for event in part)
