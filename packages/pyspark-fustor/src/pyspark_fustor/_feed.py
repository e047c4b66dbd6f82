"""An endless stream, read ahead by a thread, so that whoever asks waits only as long as it wants."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator
from typing import NamedTuple

import pyarrow as pa

from fustor_driver.engines import FlatRow, flat_rows
from fustor_driver.hosts.heap import calm_collector
from fustor_driver.hosts.weight import weigh
from fustor_event_model import EventBase
from pyspark_fustor._rows import BATCH_ROWS, arrow_batch

__all__ = ["Feed", "Taken"]

_MAX_BYTES = 64 << 20
_LOOSE_SHARE = 8
"""Events wait as Arrow batches, a fifth of what they take as objects; this part of the bound may be objects."""


class Taken(NamedTuple):
    """What was read since the last time, and the index of the last event of it; None where there was none."""

    batches: list[pa.RecordBatch]
    last: int | None


class _Loose:
    """Events that are no batch yet."""

    def __init__(self) -> None:
        self.rows: list[FlatRow] = []
        self.bytes = 0
        self.last: int | None = None

    def add(self, event: EventBase) -> None:
        self.rows += flat_rows(event)
        self.bytes += weigh(event)
        self.last = event.index

    def sealed(self) -> Taken:
        return Taken([arrow_batch(self.rows)] if self.rows else [], self.last)


class Feed:
    """Rows of one iterator, taken in order; about `max_rows` wait at most, or `max_bytes`. No event is divided."""

    def __init__(
        self, events: Iterator[EventBase], stop: threading.Event, max_rows: int, max_bytes: int = _MAX_BYTES
    ) -> None:
        self._events = events
        self._stop = stop
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._waiting: deque[Taken] = deque()
        self._rows = self._bytes = 0
        self._loose = _Loose()
        self._error: BaseException | None = None
        self._has_ended = False
        self._is_awaited = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="pyspark-fustor-feed", daemon=True)
        self._thread.start()

    @property
    def is_exhausted(self) -> bool:
        """Whether the iterator has ended and everything was taken."""
        with self._changed:
            return self._has_ended and not self._is_something_there

    def take(self, wait_sec: float | None, *, is_full: bool = False) -> Taken:
        """What waits, up to about the same bounds.

        Args:
            wait_sec: how long to wait for it; None for as long as it takes.
            is_full: wait until there is no room for more, or no more to come, and not for the first event alone.

        Raises:
            DriverError: what the source raised, once everything before it was taken.
        """
        with self._changed:
            self._is_awaited = not is_full
            self._changed.wait_for(
                lambda: self._has_ended or (not self._has_room if is_full else self._is_something_there), wait_sec
            )
            self._is_awaited = False
            parts = list(self._waiting)
            self._waiting.clear()
            self._rows = self._bytes = 0
            loose, self._loose = self._loose, _Loose()
            self._changed.notify_all()
            error = self._error
        if loose.last is not None:
            parts.append(loose.sealed())
        if not parts and error is not None:
            raise error
        return Taken([batch for part in parts for batch in part.batches], parts[-1].last if parts else None)

    def close(self, patience_sec: float = 10.0) -> None:
        """End the stream; waits for it, but not for ever."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(patience_sec)

    @property
    def _is_something_there(self) -> bool:
        return bool(self._waiting) or self._loose.last is not None

    @property
    def _has_room(self) -> bool:
        return self._rows < self._max_rows and self._bytes < self._max_bytes

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            with calm_collector():
                for event in self._events:
                    self._put(event)
                    if self._stop.is_set():
                        break
            if isinstance(self._events, Generator):
                self._events.close()
        except BaseException as err:  # noqa: BLE001 - handed to the thread that takes
            error = err
        with self._changed:
            self._error = error
            self._has_ended = True
            self._changed.notify_all()

    def _put(self, event: EventBase) -> None:
        with self._changed:
            loose = self._loose
            loose.add(event)
            if self._is_awaited:
                self._changed.notify_all()
            if len(loose.rows) < min(BATCH_ROWS, self._max_rows) and loose.bytes < self._max_bytes // _LOOSE_SHARE:
                return
            self._loose = _Loose()
        part = loose.sealed()
        with self._changed:
            self._waiting.append(part)
            self._rows += sum(batch.num_rows for batch in part.batches)
            self._bytes += sum(batch.nbytes for batch in part.batches)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._has_room or self._stop.is_set())
