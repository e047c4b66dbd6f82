"""The realtime phase of the guide host: the one stream of a run, read in a thread of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType

from fustor_core.exceptions import DriverError
from fustor_driver.errors import NotConformant
from fustor_driver.hosts.attempts import Attempt
from fustor_driver.hosts.calls import Session, is_reached
from fustor_driver.hosts.delivery import Delivery, Outcome
from fustor_driver.hosts.status import PhaseState
from fustor_driver.redaction import safe_logger
from fustor_driver.supervision import in_thread
from fustor_event_model import EventBase, MessageSource

__all__ = ["Realtime"]

_log = safe_logger("fustor_driver.host")
_OPENS_WITHIN_SEC = 2.0


class Realtime:
    """The one stream of a run; it outlives sessions. `bounds` are further keywords of `get_message_iterator`."""

    def __init__(
        self, delivery: Delivery, start_position: int, bounds: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        self._delivery = delivery
        self._parts = parts = delivery.parts
        self._counts = parts.progress.phases[MessageSource.REALTIME]
        self._reader = parts.reader(MessageSource.REALTIME, position=start_position, bounds=bounds)
        self._armed = False
        self._next_end: int | None = None
        self._in_hand = False
        self.is_bounded = False
        """Whether the stream that is read now has an end."""
        self.has_ended = False
        """Whether a stream with an end is read and pushed up to it."""
        self.busy_at = 0.0
        """When something was read or pushed last, by the monotonic clock."""

    @property
    def is_busy(self) -> bool:
        """Whether something is being pushed, or waits for it."""
        return self._in_hand or bool(self._reader.waiting)

    async def arm(self) -> bool:
        """Open the stream; what happens after this returned True is delivered. False when the host stops meanwhile.

        Raises:
            Exception: what `get_message_iterator` raised.
        """
        self._counts.begin(lambda: (self._reader.waiting, self._reader.lag_sec), PhaseState.CONNECTING)
        self._reader.start()
        self._armed = bool(await self._parts.control.unless_stopping(self._opened()))
        if self._armed:
            self._counts.changes(PhaseState.RUNNING)
        return self._armed

    async def _opened(self) -> bool:
        """Return True when the source has opened; one that takes long and says nothing is asked why."""
        try:
            async with asyncio.timeout(_OPENS_WITHIN_SEC):
                await self._reader.opened()
        except TimeoutError:
            if self._counts.shown_state is not PhaseState.RETRYING:
                await self._say_why()
            await self._reader.opened()
        return True

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
            self._counts.end(PhaseState.FAILED)
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
            await control.bell.wait_until(lambda: control.breaks_off)
        if control.stopping:
            return False
        bounds = {} if self._next_end is None else {"end_position": self._next_end}
        await self._parts.join(self._reader)
        behind = self._parts.progress.committed_index
        self._reader = self._parts.reader(MessageSource.REALTIME, position=behind, bounds=bounds)
        self._next_end, self.is_bounded, self.has_ended = None, bool(bounds), False
        self._reader.start()
        return True

    async def push(self, session: Session, events: list[EventBase]) -> Outcome:
        """Push a batch and acknowledge it to the source once it is durable."""
        index = events[-1].index  # read before the pusher has them in hand: what it does to them acknowledges nothing
        outcome = await self._delivery.push(session, MessageSource.REALTIME, events)
        if outcome is Outcome.PUSHED and index >= 0:
            self._parts.progress.committed_index = max(self._parts.progress.committed_index, index)
            self._parts.acknowledge(index)
        return outcome

    def stop(self) -> None:
        """Ask the stream to end."""
        self._reader.stop()

    async def close(self) -> None:
        """Stop the thread; a driver that ignores `stop_event` is named in the log."""
        before = self._counts.shown_state
        if before is not PhaseState.FAILED:
            is_reached = self._armed and before is not PhaseState.RETRYING
            self._counts.end(PhaseState.DONE if is_reached else PhaseState.FAILED)
        await self._parts.join(self._reader)
