"""The realtime stream: opened at a position or a new boundary, resumed after faults, released as acknowledged."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

import psycopg2
from psycopg2 import errors

from fustor_core.exceptions import ConfigError, DriverError
from fustor_event_model import EventBase
from fustor_source_postgres._rows.shape import make_marker
from fustor_source_postgres._server.patience import Patience, Stop, Stopped
from fustor_source_postgres._server.publication import GapError
from fustor_source_postgres._server.slots import base_index, lsn_of
from fustor_source_postgres._stream.opening import Opener
from fustor_source_postgres._stream.reader import Reader
from fustor_source_postgres._stream.spool import Spool

_log = logging.getLogger(__name__)
_TICK_SEC = 0.1
_NO_END = 1 << 64
_SLICE_MESSAGES = 64
_SHORTEST_SILENCE_SEC = 2.0
_LONGEST_SILENCE_SEC = 15.0


@dataclass(frozen=True, slots=True)
class Range:
    """What a host asked for. `end` and `progress_sec` are None where it did not say."""

    start: int
    end: int | None = None
    progress_sec: float | None = None


class MessageStream:
    """One iterator over realtime events.

    `acknowledged` is the position that this stream's host has made durable, as far as this stream knows; the slot is
    released up to the least one of all streams.
    """

    def __init__(self, opener: Opener, asked: Range, patience: Patience, stop: Stop, behind: int) -> None:
        self._opener = opener
        self._asked = asked
        self._patience = patience
        self._closed = Event()
        self._stop = stop = stop.also(self._closed)
        self._taken: deque[int] | None = deque(maxlen=behind) if behind and asked.end is None else None
        self._spool: Spool | None = None
        self._last_sent = self._last_look = time.monotonic()
        self._sent_position = -1
        self._last_watch = self._last_sent
        self._last_question = 0.0
        self._marked_lsn = 0
        self._opened = patience.keep_trying(lambda: opener.open(asked.start, stop, bounded=self.is_bounded))
        self._publication = self._opened.publication
        self.position = self._opened.position
        self.events_sent = 0
        self.rows_sent = 0
        self.acknowledged = 0 if self.is_bounded else self.position
        self._reader = self._start()

    @property
    def is_bounded(self) -> bool:
        """Whether the host asked for a range: such a stream never releases anything."""
        return self._asked.end is not None

    @property
    def owns_slot(self) -> bool:
        """Whether this stream reads the source's own slot, not a copy."""
        return self._opened.is_own

    @property
    def queued_bytes(self) -> int:
        """What was read ahead of the host."""
        return self._reader.queued_bytes

    def acknowledge(self, index: int) -> None:
        """Note that everything up to `index` is durable."""
        self.acknowledged = max(self.acknowledged, index)

    def release(self, index: int) -> None:
        """Let the server drop what lies before `index`, where this stream reads the slot itself."""
        if self._opened.is_own and index > 0:
            self._reader.release(lsn_of(index))

    def close(self) -> None:
        """End the stream; an iterator that waits for it ends."""
        self._closed.set()
        self._reader.stop()

    def events(self) -> Iterator[EventBase]:
        """The events, until the range or the host ends them.

        Raises:
            DriverError: the link is gone for longer than configured, or the position is lost.
        """
        going_on = True
        try:
            while going_on:
                try:
                    yield from self._read()
                    going_on = False
                except psycopg2.Error as err:
                    going_on = self._recover(err)
        except Stopped:
            return
        except GapError as err:
            self._forsake()
            raise DriverError(f"{err}: changes may be missing; start again, which takes a new snapshot") from None
        finally:
            self._forget()

    def _forget(self) -> None:
        self._opened.present.close()
        if self._spool is not None:
            self._spool.close()

    def _read(self) -> Iterator[EventBase]:
        reader, shared = self._reader, self._opener.shared
        last = self._asked.end if self._asked.end is not None else _NO_END
        while self.position < last and not self._stop.is_set():
            chunk, passed = reader.take(self._tick())
            self._watch()
            self._patience.reset()
            if chunk is None:
                yield from self._idle(passed)
                if base_index(passed) >= last:
                    return
                continue
            for clock, events in self._decoded(chunk):
                for event in self._wanted(events, last):
                    if shared.clock > clock:  # raised since these events were made
                        _raise_times(event, shared.clock)
                    self.position = event.index
                    self.events_sent += 1
                    self.rows_sent += len(event.rows)
                    if self._taken is not None:
                        self._note_taken(self._taken, event.index)
                    yield event
                if events[-1].index >= last:
                    return

    def _watch(self) -> None:
        """Raise a GapError where the publication has stopped to carry every change; looks again after a while."""
        name = self._publication.name
        if self._opened.notices.has_skipped:
            raise GapError(f"Publication {name!r} was not there while tables changed")
        now = time.monotonic()
        if now - self._last_watch < self._opener.params.heartbeat_sec:
            return
        self._last_watch = now
        try:
            self._publication = self._opener.look_at_publication(self._publication)
        except psycopg2.Error as err:
            _log.warning("Publication %s cannot be looked at: %s", name, self._opener.address.clean(err))

    def _forsake(self) -> None:
        self._reader.stop()
        try:
            self._opener.forsake(self._opened)
        except (psycopg2.Error, DriverError, ConfigError) as err:
            _log.error("Slot %s was not dropped, drop it: %s", self._opener.slot, self._opener.address.clean(err))

    def _decoded(self, chunk: list[bytes]) -> Iterator[tuple[float, list[EventBase]]]:
        """Events, and a clock that their rows are not below."""
        decoder, shared = self._opened.decoder, self._opener.shared
        for ordinary in self._spool.ordinary(chunk) if self._spool else (chunk,):
            for messages in _in_slices(ordinary):
                clock = shared.clock
                events = decoder.decode(messages)
                if events:
                    yield clock, events
                    decoder.check()

    def _wanted(self, events: list[EventBase], last: int) -> list[EventBase]:
        """Those of these events that were not sent before, and lie in the range."""
        if events[0].index > self.position and events[-1].index <= last:
            return events
        return [event for event in events if self.position < event.index <= last]

    def _note_taken(self, taken: deque[int], index: int) -> None:
        """What the host must have committed, since it cannot hold as many events as it has taken since."""
        if len(taken) == taken.maxlen:
            self.acknowledged = taken[0]
            self.release(self.acknowledged)
        taken.append(index)

    def _idle(self, passed: int) -> Iterator[EventBase]:
        """What to do while nothing comes: say so to a host that asked, and keep the slot moving."""
        self._require_answers()
        now = time.monotonic()
        if self.position != self._sent_position:
            self._sent_position, self._last_sent = self.position, now
        interval = self._asked.progress_sec
        if interval is not None and now - self._last_sent >= interval:
            self._last_sent = now
            index = base_index(passed)
            if self.position < index and (self._asked.end is None or index <= self._asked.end):
                self.position = self._sent_position = index
                yield make_marker(index)
            else:
                self._reader.ask()
        if now - self._last_look >= self._opener.params.heartbeat_sec:
            self._last_look = now
            self._beat(passed)

    def _require_answers(self) -> None:
        """Raise a psycopg2.Error where the server is silent for longer than a fault is borne, and not busy."""
        silence = self._reader.silence_sec
        limit = min(max(self._patience.budget_sec, _SHORTEST_SILENCE_SEC), _LONGEST_SILENCE_SEC)
        now = time.monotonic()
        if silence >= limit and now - self._last_question >= limit:
            self._last_question = now
            self._opener.require_sender(self._opened.conn.info.backend_pid, silence)

    def _beat(self, passed: int) -> None:
        moved_on = max(self._marked_lsn, lsn_of(max(self.position, 0)))
        if self._opened.is_own and passed - moved_on >= self._opener.params.heartbeat_bytes:
            self._marked_lsn = passed
            self._opener.emit_heartbeat()

    def _tick(self) -> float:
        interval = self._asked.progress_sec
        return min(_TICK_SEC, interval / 4) if interval else _TICK_SEC

    def _start(self) -> Reader:
        opened = self._opened
        self._spool = Spool() if self._opener.params.streaming else None
        reader = Reader(opened.conn, opened.cur, self._opener.params.queue_bytes, reports_passing=self.is_bounded)
        reader.start()
        if opened.is_own and self.acknowledged > 0:
            reader.release(lsn_of(self.acknowledged))
        return reader

    def _recover(self, err: psycopg2.Error) -> bool:
        """Whether the stream goes on: it does, unless it was stopped meanwhile."""
        self._reader.stop()
        self._forget()
        if self._stop.is_set():
            return False
        _log.warning("The stream broke, resuming: %s", self._opener.address.clean(err))
        if isinstance(err, errors.UndefinedObject) and self._publication.name in str(err):  # before PostgreSQL 18
            raise GapError(f"Publication {self._publication.name!r} was not there while tables changed") from None
        self._last_watch = 0.0
        try:
            if isinstance(err, psycopg2.InternalError) and self._opener.params.streaming:
                # rolled back changes of a table that was rewritten in the same transaction, seen with PostgreSQL 18
                _log.warning("The server cannot stream this before its commit; going on without")
                self._opener = self._opener.without_streaming()
            else:
                self._patience.wait(err)
            self._opened = self._patience.keep_trying(
                lambda: self._opener.resume(self.position, self._stop, bounded=self.is_bounded)
            )
        except Stopped:
            return False
        self._reader = self._start()
        if self._closed.is_set():  # while it was being opened
            self._reader.stop()
            return False
        return True


def _raise_times(event: EventBase, clock: float) -> None:
    for row in event.rows:
        row["mtime"] = max(row["mtime"], clock)


def _in_slices(chunk: list[bytes]) -> Iterator[list[bytes]]:
    """A chunk, a few messages at a time: the collector looks at everything that is alive for long."""
    for start in range(0, len(chunk), _SLICE_MESSAGES):
        yield chunk[start : start + _SLICE_MESSAGES]
