"""An endless stream, read ahead by a thread, so that whoever asks waits only as long as it wants."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator

from fustor_driver.hosts.weight import weigh
from fustor_event_model import EventBase

__all__ = ["Feed"]

_MAX_BYTES = 64 << 20


class Feed:
    """Events of one iterator, taken in order; about `max_rows` rows wait at most, or `max_bytes`."""

    def __init__(
        self, events: Iterator[EventBase], stop: threading.Event, max_rows: int, max_bytes: int = _MAX_BYTES
    ) -> None:
        self._events = events
        self._stop = stop
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[EventBase, int, int]] = deque()
        self._rows = self._bytes = 0
        self._error: BaseException | None = None
        self._has_ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="pyspark-fustor-feed", daemon=True)
        self._thread.start()

    @property
    def is_exhausted(self) -> bool:
        """Whether the iterator has ended and everything was taken."""
        with self._changed:
            return self._has_ended and not self._waiting

    def take(self, wait_sec: float | None) -> list[EventBase]:
        """What waits, up to about the same bounds; waits for the first event, for ever where `wait_sec` is None.

        Raises:
            DriverError: what the source raised, once everything before it was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._has_ended, wait_sec)
            taken, all_rows, all_bytes = [], 0, 0
            while self._waiting and self._has_room(all_rows, all_bytes):
                event, rows, size = self._waiting.popleft()
                all_rows += rows
                all_bytes += size
                taken.append(event)
            self._rows -= all_rows
            self._bytes -= all_bytes
            self._changed.notify_all()
            if not taken and self._error is not None:
                raise self._error
            return taken

    def close(self, patience_sec: float = 10.0) -> None:
        """End the stream; waits for it, but not for ever."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(patience_sec)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
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
        rows, size = max(len(event.rows), 1), weigh(event)
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(self._rows, self._bytes) or self._stop.is_set())
            self._waiting.append((event, rows, size))
            self._rows += rows
            self._bytes += size
            self._changed.notify_all()

    def _has_room(self, rows: int, size: int) -> bool:
        return rows < self._max_rows and size < self._max_bytes
