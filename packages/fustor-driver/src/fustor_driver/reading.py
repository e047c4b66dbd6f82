"""Reading a bounded part of a source, outside a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase

__all__ = ["bounded"]


@contextmanager
def bounded(
    open_events: Callable[[threading.Event], Iterator[EventBase]],
    *,
    max_rows: int | None,
    max_sec: float | None,
    stop_event: threading.Event | None = None,
) -> Iterator[Iterator[EventBase]]:
    """Events until there were `max_rows` rows or `max_sec` seconds passed; the last event is cut to fit.

    Setting `stop_event`, from any thread, ends it as well: an iterator that is idle ends by it. Whatever stops the
    reading also closes the iterator.
    """
    stop_event = stop_event or threading.Event()
    events = open_events(stop_event)
    timer = threading.Timer(max_sec or 0.0, stop_event.set)
    timer.daemon = True  # the process does not wait for it
    if max_sec is not None:
        timer.start()
    try:
        yield _limited(events, max_rows, stop_event)
    finally:
        stop_event.set()
        timer.cancel()
        if isinstance(events, Generator):
            events.close()


def _limited(events: Iterator[EventBase], max_rows: int | None, stop_event: threading.Event) -> Iterator[EventBase]:
    rows = 0
    for event in _until_stopped(events, stop_event):
        left = None if max_rows is None else max_rows - rows
        yield event if left is None or len(event.rows) <= left else event.model_copy(update={"rows": event.rows[:left]})
        rows += len(event.rows)
        if stop_event.is_set() or (max_rows is not None and rows >= max_rows):
            return


def _until_stopped(events: Iterator[EventBase], stop_event: threading.Event) -> Iterator[EventBase]:
    """All events; once stop was requested, an error of the iterator is ignored."""
    try:
        yield from events
    except DriverError:
        if not stop_event.is_set():
            raise
