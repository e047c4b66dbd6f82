"""The three phases of the guide host: each reads one iterator in a thread of its own and pushes what it finds."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from types import MappingProxyType

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import DriverError
from fustor_driver.errors import NotConformant
from fustor_driver.hosts.attempts import Attempt
from fustor_driver.hosts.calls import committed_index, is_reached, open_phase
from fustor_driver.hosts.delivery import Control, Delivery, Outcome, Session
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.reader import Reader
from fustor_driver.hosts.status import PhaseState, Progress
from fustor_driver.redaction import safe_logger
from fustor_driver.supervision import in_thread
from fustor_event_model import EventBase, LifecycleSignal, MessageSource

__all__ = ["Parts", "Realtime", "run_audit", "run_snapshot"]

_log = safe_logger("fustor_driver.host")
_LINGER_SEC = 0.02
_OPENS_WITHIN_SEC = 2.0
_UNDELIVERED = (Outcome.OBSOLETE, Outcome.STOPPED)


@dataclass(frozen=True)
class Parts:
    """What every phase works with."""

    source: SourceDriver
    pusher: PusherDriver
    options: HostOptions
    control: Control
    progress: Progress
    delivery: Delivery
    readers: list[Reader] = field(default_factory=list)
    """Those whose threads have not ended, as far as anybody has looked."""

    async def push(self, session: Session, phase: MessageSource, events: list[EventBase]) -> Outcome:
        """Push a batch; it counts as in hand until it is through."""
        self.progress.holds(phase, len(events))
        outcome = await self.delivery.push(session, phase, events)
        if outcome not in _UNDELIVERED:
            self.progress.holds(phase, 0)
        return outcome

    async def committed_index(self, session: Session) -> int:
        """The index up to which everything is durable, by the pusher's own word; -1 for none."""
        with self.progress.under_way.call(self.pusher, "get_latest_committed_index"):
            return await committed_index(self.pusher, session.id)

    def acknowledge(self, index: int) -> None:
        """Tell the source that everything up to an index is durable."""
        with self.progress.under_way.call(self.source, "acknowledge"):
            self.source.acknowledge(index)

    @property
    def audits(self) -> bool:
        """Whether this run takes audits, and they find something."""
        options = self.options
        return "get_audit_iterator" in self.source.capabilities and options.audit_interval_sec > 0 and not options.once


class Realtime:
    """The one stream of a run; it outlives sessions. `bounds` are further keywords of `get_message_iterator`."""

    def __init__(self, parts: Parts, start_position: int, bounds: Mapping[str, float] = MappingProxyType({})) -> None:
        self._parts = parts
        self._reader = self._reader_from(start_position, bounds)
        self._armed = False
        self._next_end: int | None = None
        self._in_hand = False
        self.is_bounded = False
        """Whether the stream that is read now has an end."""
        self.has_ended = False
        """Whether a stream with an end is read and pushed up to it."""
        self.busy_at = 0.0
        """When something was read or pushed last, by the monotonic clock."""

    def _reader_from(self, position: int, bounds: Mapping[str, float]) -> Reader:
        source = self._parts.source

        def open_iterator(stop_event: threading.Event) -> Iterator[EventBase]:
            return open_phase(source, MessageSource.REALTIME, stop_event, position=position, bounds=bounds)

        reader = Reader(
            "realtime",
            open_iterator,
            source.config.max_queue_size,
            limit_bytes=self._parts.options.read_ahead_bytes,
            on_attempt=partial(self._parts.progress.attempted, MessageSource.REALTIME),
        )
        self._parts.readers.append(reader)
        return reader

    @property
    def is_busy(self) -> bool:
        """Whether something is being pushed, or waits for it."""
        return self._in_hand or bool(self._reader.waiting)

    async def arm(self) -> bool:
        """Open the stream; what happens after this returned True is delivered. False when the host stops meanwhile.

        Raises:
            Exception: what `get_message_iterator` raised.
        """
        progress, control = self._parts.progress, self._parts.control
        progress.begins(
            MessageSource.REALTIME, lambda: (self._reader.waiting, self._reader.lag_sec), PhaseState.CONNECTING
        )
        self._reader.start()
        stopping = asyncio.ensure_future(control.bell.wait_until(lambda: control.stopping))
        opening = asyncio.ensure_future(self._opened())
        try:
            await asyncio.wait({stopping, opening}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done() and not (control.stopping and opening.exception()):
                opening.result()
                self._armed = True
                progress.opened(MessageSource.REALTIME)
            return self._armed
        finally:
            stopping.cancel()
            opening.cancel()

    async def _opened(self) -> None:
        """Wait for the source to open; one that takes long and says nothing is asked why."""
        try:
            async with asyncio.timeout(_OPENS_WITHIN_SEC):
                await self._reader.opened()
        except TimeoutError:
            if self._parts.progress.phase_state(MessageSource.REALTIME) is not PhaseState.RETRYING:
                await self._say_why()
            await self._reader.opened()

    async def _say_why(self) -> None:
        source, progress = self._parts.source, self._parts.progress
        asked = asyncio.ensure_future(is_reached(source))
        opened = asyncio.ensure_future(self._reader.opened())
        await asyncio.wait({asked, opened}, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if not asked.done():
            asked.cancel()
            return
        reached, text = asked.result()
        if not reached:
            said = f"The source {source.id!r} is not reached yet: {text}"
            progress.attempted(MessageSource.REALTIME, Attempt(1, said))
            _log.warning("%s; it goes on trying", said)

    async def take(self) -> list[EventBase]:
        """The next batch; empty when the host stopped the stream and everything was taken.

        Raises:
            NotConformant: the stream ended by itself.
            Exception: what the stream raised.
        """
        if self._in_hand:
            self._in_hand, self.busy_at = False, time.monotonic()
        while not (events := await self._taken()):
            if not await self._goes_on():
                return []
        self._in_hand = True
        return events

    async def _taken(self) -> list[EventBase]:
        reader, options = self._reader, self._parts.options
        try:
            events = await reader.take(options.push_max_events, options.push_max_rows, options.push_max_bytes)
        except DriverError:
            if reader.stopped:
                return []
            self._parts.progress.ends(MessageSource.REALTIME, PhaseState.FAILED)
            raise
        if not (events or reader.stopped or self.is_bounded):
            raise NotConformant(
                f"The realtime stream of {self._parts.source.id!r} ended by itself; "
                "it must go on until stop_event is set (driver contract, section 4)"
            )
        return events

    async def end_at(self, end: int) -> None:
        """Read on up to this position, and no further, where the source can resume behind what is pushed."""
        source, start = self._parts.source, self._parts.progress.committed_index
        if 0 < start < end and await in_thread(lambda: source.is_position_available(start), "fustor-position"):
            self._next_end = end
            self._reader.stop()

    async def _goes_on(self) -> bool:
        """What follows a stream that has ended, everything of it pushed: one with an end, or one without again.

        Both begin behind what is pushed, so nothing is missed between them.
        """
        control = self._parts.control
        if self._next_end is None and self.is_bounded:
            self.has_ended = True
            await control.bell.wait_until(lambda: control.stopping or control.renewal_asked)
        if control.stopping:
            return False
        bounds = {} if self._next_end is None else {"end_position": self._next_end}
        await _join(self._reader, self._parts)
        self._reader = self._reader_from(self._parts.progress.committed_index, bounds)
        self._next_end, self.is_bounded, self.has_ended = None, bool(bounds), False
        self._reader.start()
        return True

    async def push(self, session: Session, events: list[EventBase]) -> Outcome:
        """Push a batch and acknowledge it to the source once it is durable."""
        index = events[-1].index  # read before the pusher has them in hand: what it does to them acknowledges nothing
        outcome = await self._parts.push(session, MessageSource.REALTIME, events)
        if outcome is Outcome.PUSHED and index >= 0:
            self._parts.progress.committed_index = max(self._parts.progress.committed_index, index)
            self._parts.acknowledge(index)
        return outcome

    def stop(self) -> None:
        """Ask the stream to end."""
        self._reader.stop()

    async def close(self) -> None:
        """Stop the thread; a driver that ignores `stop_event` is named in the log."""
        before = self._parts.progress.phase_state(MessageSource.REALTIME)
        if before is not PhaseState.FAILED:
            is_reached = self._armed and before is not PhaseState.RETRYING
            self._parts.progress.ends(MessageSource.REALTIME, PhaseState.DONE if is_reached else PhaseState.FAILED)
        await _join(self._reader, self._parts)


async def run_snapshot(parts: Parts, session: Session) -> bool:
    """Read and push one snapshot; whether it is complete and its end is pushed.

    Raises:
        DriverError: what the iterator raised, or the pusher's refusal of the end.
    """
    source, batch_size = parts.source, parts.pusher.config.batch_size

    def open_iterator(stop_event: threading.Event) -> Iterator[EventBase]:
        return open_phase(source, MessageSource.SNAPSHOT, stop_event, batch_size=batch_size)

    reader = Reader(
        "snapshot",
        open_iterator,
        source.config.max_queue_size,
        limit_bytes=parts.options.read_ahead_bytes,
        linger_sec=_LINGER_SEC,
        on_attempt=partial(parts.progress.attempted, MessageSource.SNAPSHOT),
    )
    async with _reading(parts, MessageSource.SNAPSHOT, reader, lambda: parts.control.stopping) as run:
        async for events in _batches(parts, reader):
            if await parts.push(session, MessageSource.SNAPSHOT, events) in _UNDELIVERED:
                return False
        if not reader.stopped:
            run.complete = await parts.delivery.finish_snapshot(session) is Outcome.PUSHED
    return run.complete


async def run_audit(parts: Parts, session: Session) -> bool:
    """Read and push one audit; whether it came to its end.

    Nothing is asked of the source after Audit-Start until its push has returned, and an audit of which the pusher
    refused anything is not ended: its deletions would be wrong.

    Raises:
        DriverError: what the iterator raised.
    """
    source, control, batch_size = parts.source, parts.control, parts.pusher.config.batch_size

    def open_iterator(stop_event: threading.Event) -> Iterator[EventBase]:
        return open_phase(source, MessageSource.AUDIT, stop_event, batch_size=batch_size)

    reader = Reader(
        "audit",
        open_iterator,
        source.config.max_queue_size,
        limit_bytes=parts.options.read_ahead_bytes,
        pause_after=_starts_audit,
        linger_sec=_LINGER_SEC,
        on_attempt=partial(parts.progress.attempted, MessageSource.AUDIT),
    )
    gives_up = lambda: control.stopping or control.renewal_asked  # noqa: E731 - a condition, named for its only use
    async with _reading(parts, MessageSource.AUDIT, reader, gives_up) as run:
        async for events in _batches(parts, reader):
            for part in _signals_alone(events):
                if reader.stopped or await parts.push(session, MessageSource.AUDIT, part) is not Outcome.PUSHED:
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
    parts.progress.begins(phase, lambda: (reader.waiting, reader.lag_sec))
    parts.readers.append(reader)
    reader.start()
    try:
        yield run
    finally:
        watcher.cancel()
        is_away = parts.progress.phase_state(phase) is PhaseState.RETRYING
        incomplete = PhaseState.STOPPED if gives_up() and not is_away else PhaseState.FAILED
        parts.progress.ends(phase, PhaseState.DONE if run.complete else incomplete)
        await _join(reader, parts)


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


async def _join(reader: Reader, parts: Parts) -> None:
    if await reader.join():
        if reader in parts.readers:
            parts.readers.remove(reader)
    else:
        _log.warning("The source %r does not stop: its %s iterator ignores stop_event", parts.source.id, reader.name)
