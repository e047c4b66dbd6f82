"""The memory bus of the released agents with one subscriber: its numbering, its filter, its limit.

Both releases share these rules: an event whose index is lower than the last one in the buffer is thrown
away; one whose index is not above the last committed one is never delivered, in silence; an event with index -1 is
numbered by the bus; a transient source that meets a full buffer breaks the bus.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from fustor_driver.hosts.bell import Bell
from fustor_event_model import EventBase

__all__ = ["BusFailedError", "MemoryBus"]


class BusFailedError(Exception):
    """The bus is broken; neither side can use it any more."""


class MemoryBus:
    """For one event loop. What it keeps from its subscriber is kept here to be seen, from any thread.

    `on_put` is called after every event that was added or thrown away.
    """

    def __init__(self, capacity: int, start_position: int, on_put: Callable[[], None] = lambda: None) -> None:
        self.capacity = capacity
        self.error: str | None = None
        self.discarded: list[EventBase] = []
        self._start = start_position
        self._next_number = start_position
        self._consumed = start_position - 1
        self._buffer: deque[EventBase] = deque()
        self._numbered: set[int] = set()
        self._taken: set[int] = set()
        self._unseen: list[EventBase] = []
        self._bell = Bell()
        self._on_put = on_put

    async def put(self, event: EventBase, *, transient: bool) -> None:
        """Add an event; waits while the buffer is full, if the source can wait.

        Raises:
            BusFailedError: the bus is broken, or a transient source met a full buffer.
        """
        self._refuse_if_failed()
        if len(self._buffer) >= self.capacity and transient:
            raise BusFailedError(f"The buffer of a transient source is full with {self.capacity} events")
        await self._bell.wait_until(lambda: len(self._buffer) < self.capacity or self.error is not None)
        self._refuse_if_failed()
        last = self._buffer[-1].index if self._buffer else self._start - 1
        if event.index == -1:
            event.index = self._next_number
            self._numbered.add(id(event))
        elif event.index < last:
            self.discarded.append(event)
            self._on_put()
            return
        self._next_number = event.index + 1
        self._buffer.append(event)
        self._bell.ring()
        self._on_put()

    async def take(self, max_events: int, timeout_sec: float) -> list[EventBase]:
        """What is above the committed index, in order; waits for the next event if there is nothing.

        Raises:
            BusFailedError: the bus is broken.
        """
        self._refuse_if_failed()
        found = self._above_consumed(max_events)
        if not found:
            size = len(self._buffer)
            await self._bell.wait_until(lambda: len(self._buffer) > size, timeout_sec)
            found = self._above_consumed(max_events)
        self._taken.update(id(event) for event in found)
        return found

    def commit(self, index: int) -> None:
        """Everything up to `index` was consumed; it leaves the buffer, delivered or not."""
        self._consumed = index
        while self._buffer and self._buffer[0].index <= index:
            event = self._buffer.popleft()
            if id(event) not in self._taken:
                self._unseen.append(event)
        if self._buffer:
            self._start = self._buffer[0].index
        self._bell.ring()

    def fail(self, reason: str) -> None:
        """Break the bus."""
        self.error = reason
        self._bell.ring()

    def swallowed(self) -> tuple[EventBase, ...]:
        """Events with an index of their own that were never delivered and never will be: the source's fault."""
        return tuple(event for event in self._undeliverable() if id(event) not in self._numbered)

    def swallowed_by_host(self) -> tuple[EventBase, ...]:
        """Events that the bus numbered itself and then never delivered: no driver can cure this."""
        return tuple(event for event in self._undeliverable() if id(event) in self._numbered)

    def _undeliverable(self) -> list[EventBase]:
        behind = [event for event in tuple(self._buffer) if event.index <= self._consumed]
        return [*self._unseen, *(event for event in behind if id(event) not in self._taken)]

    def _above_consumed(self, max_events: int) -> list[EventBase]:
        return list(islice((event for event in self._buffer if event.index > self._consumed), max_events))

    def _refuse_if_failed(self) -> None:
        if self.error is not None:
            raise BusFailedError(self.error)
