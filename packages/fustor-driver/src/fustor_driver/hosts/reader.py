"""One thread that reads one iterator of a source into a bounded buffer, and a coroutine that empties it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from itertools import accumulate
from operator import lt

from fustor_driver.errors import NotConformant
from fustor_driver.hosts.attempts import Attempt, heard
from fustor_driver.hosts.weight import weigh
from fustor_event_model import EventBase

__all__ = ["Reader"]

_JOIN_SEC = 5.0


class Reader:
    """Reads ahead up to `limit` events, `limit_rows` rows or about `limit_bytes` bytes, then waits.

    So a slow pusher slows the source, at no memory.

    The thread calls `open_iterator(stop_event)` and iterates what it returns. After an event for which `pause_after`
    is true it waits for `resume()` before it asks for the next one. With `linger_sec` a batch that is not full waits
    so long for more: fewer pushes, for phases in which nobody waits for the single event. `on_attempt` is called, in
    the loop's thread, for every failed attempt of the driver at what it reads, and when one came through.
    """

    def __init__(
        self,
        name: str,
        open_iterator: Callable[[threading.Event], Iterator[EventBase]],
        limit: int,
        *,
        limit_rows: int = 20_000,
        limit_bytes: int = 64 << 20,
        pause_after: Callable[[EventBase], bool] | None = None,
        linger_sec: float = 0.0,
        on_attempt: Callable[[Attempt], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.stop_event = threading.Event()
        self._open_iterator = open_iterator
        self._limit = limit
        self._limit_rows = limit_rows
        self._limit_bytes = limit_bytes
        self._events_taken = self._rows_taken = self._bytes_taken = 0
        self._pause_after = pause_after
        self._linger_sec = linger_sec
        self._on_attempt = on_attempt
        self._wanted = 1
        self._loop = asyncio.get_running_loop()
        self._buffer: deque[EventBase] = deque()
        self._weights: deque[int] = deque()
        self._full = False
        self._oldest_since = 0.0
        self._hungry = False
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._opened = self._loop.create_future()
        self._room = threading.Event()
        self._go_on = threading.Event()
        self._ended = False
        self._stopping = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._read,), name=f"fustor-{name}", daemon=True
        )

    @property
    def waiting(self) -> int:
        """Events that were read and not yet taken."""
        return len(self._buffer)

    @property
    def lag_sec(self) -> float:
        """How long the oldest waiting event has been waiting, in seconds."""
        return time.monotonic() - self._oldest_since if self._buffer else 0.0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def opened(self) -> None:
        """Return when the source's method has returned: from then on it misses nothing.

        Raises:
            Exception: what the method raised.
        """
        await asyncio.shield(self._opened)

    async def take(self, max_events: int, max_rows: int, max_bytes: int = 16 << 20) -> list[EventBase]:
        """What is there now, at least one event and in order; an empty list at the end.

        Takes at most `max_events` events, and stops at the event that reaches `max_rows` rows or `max_bytes` bytes.

        Raises:
            Exception: what the iterator raised, after everything before it was taken.
        """
        while not self._buffer:
            await self._wait_for(1, None)
            if self._ended and not self._buffer:
                if self._error is not None:
                    raise self._error
                return []
        if self._linger_sec:
            first_rows = max(len(self._buffer[0].rows), 1)
            enough = min(max_events, self._limit, min(max_rows, self._limit_rows) // first_rows)
            await self._wait_for(enough, self._linger_sec)
        return self._taken(max_events, max_rows, max_bytes)

    async def _wait_for(self, events: int, timeout_sec: float | None) -> None:
        """Return when so many events wait, the thread ended or paused, or the time is up."""
        self._wanted = events
        self._hungry = True
        if len(self._buffer) < events and not (self._ended or (self._full and self._buffer)):
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_sec):
                    await self._news.wait()
        self._hungry = False
        self._news.clear()

    def _taken(self, max_events: int, max_rows: int, max_bytes: int) -> list[EventBase]:
        take, take_weight, most = self._buffer.popleft, self._weights.popleft, min(len(self._buffer), max_events)
        taken = [take() for _ in range(most)]
        weights = [take_weight() for _ in taken]
        rows = [len(event.rows) for event in taken]
        count = min(_until(rows, max_rows), _until(weights, max_bytes))
        if count < most:  # the thread reads no further for that: it goes by what was taken
            self._weights.extendleft(reversed(weights[count:]))
            self._buffer.extendleft(reversed(taken[count:]))
            del taken[count:], rows[count:], weights[count:]
        self._events_taken += count
        self._rows_taken += sum(rows)
        self._bytes_taken += sum(weights)
        self._oldest_since = time.monotonic()
        self._room.set()
        return taken

    def resume(self) -> None:
        """Let the thread ask for the next event after a pause."""
        self._go_on.set()

    def stop(self) -> None:
        """Ask the thread to end; what it has read can still be taken. Callable from any thread, repeatedly."""
        self._stopping = True
        self.stop_event.set()
        self._room.set()
        self._go_on.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called: an end that follows says nothing about completeness."""
        return self.stop_event.is_set()

    @property
    def has_ended(self) -> bool:
        """Whether the thread is done with the driver's iterator, or never began."""
        return self._ended or self._thread.ident is None

    async def join(self, timeout_sec: float = _JOIN_SEC) -> bool:
        """Stop, and return whether the thread ended in time."""
        self.stop()
        if self._thread.ident is None:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_sec):
                await self._over.wait()
        return self._ended

    def _read(self) -> None:
        try:
            with heard(lambda attempt: self._tell(partial(self._on_attempt, attempt))):
                self._read_to_the_end()
        except BaseException as err:  # noqa: BLE001 - handed to whoever takes, in the loop's thread
            self._error = err
        finally:
            self._ended = True
            self._tell(self._mark_ended)

    def _read_to_the_end(self) -> None:
        iterator = self._open_iterator(self.stop_event)
        self._tell(self._mark_opened)
        try:
            self._pump(iterator)
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    def _pump(self, iterator: Iterator[EventBase]) -> None:
        """Read until the end or the stop; this loop is what a run costs, so everything in it is local."""
        buffer, note_weight, pause_after = self._buffer, self._weights.append, self._pause_after
        rows_read = bytes_read = 0
        events_until, rows_until, bytes_until = self._read_until()
        for events_read, event in enumerate(iterator, 1):
            if not buffer:
                self._oldest_since = time.monotonic()
            try:
                rows_read += len(event.rows)
                weight = weigh(event)
            except (AttributeError, TypeError) as err:
                raise NotConformant(
                    f"The {self.name} iterator gave a {type(event).__name__} that is not an event"
                ) from err
            bytes_read += weight
            note_weight(weight)
            buffer.append(event)
            if self._hungry and len(buffer) >= self._wanted:
                self._hungry = False
                self._tell(self._news.set)
            if pause_after is not None and pause_after(event):
                self._tell(self._news.set)
                self._go_on.wait()
                self._go_on.clear()
            if events_read >= events_until or rows_read >= rows_until or bytes_read >= bytes_until:
                events_until, rows_until, bytes_until = self._wait_for_room(events_read, rows_read, bytes_read)
            if self._stopping:
                return

    def _read_until(self) -> tuple[int, int, int]:
        """How many events, rows and bytes may be read in all before there has to be a look at what was taken."""
        return (
            self._events_taken + self._limit,
            self._rows_taken + self._limit_rows,
            self._bytes_taken + self._limit_bytes,
        )

    def _wait_for_room(self, *read: int) -> tuple[int, int, int]:
        """Wait while so many events, rows or bytes are too many; return how many may be read in all now."""
        while True:
            self._room.clear()
            until = self._read_until()
            if self._stopping or all(map(lt, read, until)):
                self._full = False
                return until
            self._full = True
            if self._hungry:  # whoever waits for a fuller buffer gets what is there
                self._hungry = False
                self._tell(self._news.set)
            self._room.wait()

    def _tell(self, call: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop is closed: the host gave up on this thread and nobody listens any more
            self.stop()

    def _mark_opened(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _mark_ended(self) -> None:
        self._news.set()
        self._over.set()
        if not self._opened.done():
            self._opened.set_exception(self._error or RuntimeError(f"{self.name} ended before it opened"))
            self._opened.exception()  # seen: whoever waits gets it, nobody else has to


def _until(sizes: Sequence[int], limit: int) -> int:
    """How many of these sizes are needed to reach the limit; all of them where they do not."""
    if sum(sizes) < limit:
        return len(sizes)
    return 1 + next(at for at, total in enumerate(accumulate(sizes)) if total >= limit)
