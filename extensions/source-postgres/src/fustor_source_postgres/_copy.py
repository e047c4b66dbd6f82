"""COPY as an iterator: psycopg2 pushes lines, a snapshot is pulled."""

from __future__ import annotations

from collections.abc import Generator
from queue import Empty, Full, Queue
from threading import Event, Thread

import psycopg2
from psycopg2.extensions import connection

_QUEUED_BATCHES = 4
_MAX_BATCH_BYTES = 4 << 20
_LONG_LINE_BYTES = 1 << 10  # shorter ones are bounded by their number
_POLL_SEC = 0.1


class _Abandoned(Exception):  # noqa: N818 - nobody wants the rest
    """Raised inside COPY to end it."""


class _Sink:
    """What COPY writes into: batches of lines, in a bounded queue."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._lines: list[bytes] = []
        self._bytes = 0
        self.queue: Queue[list[bytes] | BaseException | None] = Queue(_QUEUED_BATCHES)
        self.abandoned = Event()

    def write(self, line: bytes) -> None:
        """Take one line; COPY calls this once a row."""
        lines = self._lines
        lines.append(line)
        if len(line) > _LONG_LINE_BYTES:
            self._bytes += len(line)
        if len(lines) >= self._batch_size or self._bytes >= _MAX_BATCH_BYTES:
            self.put_batch()

    def put_batch(self) -> None:
        """Hand over the lines so far."""
        if self._lines:
            self.put(self._lines)
        self._lines, self._bytes = [], 0

    def put(self, item: list[bytes] | BaseException | None) -> None:
        """Wait for room; raises when the rest is not wanted any more."""
        while not self.abandoned.is_set():
            try:
                return self.queue.put(item, timeout=_POLL_SEC)
            except Full:
                continue
        raise _Abandoned


def copy_batches(conn: connection, statement: str, batch_size: int) -> Generator[list[bytes]]:
    """The lines of a `COPY ... TO STDOUT`, at most `batch_size` in one list.

    Abandoning the iterator leaves the transaction of `conn` broken.

    Raises:
        psycopg2.Error: the statement failed; the lines before have been given.
    """
    sink = _Sink(batch_size)
    thread = Thread(target=_run, args=(conn, statement, sink), name="fustor-postgres-copy", daemon=True)
    thread.start()
    try:
        while (item := sink.queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        sink.abandoned.set()
        _drain(sink)
        if thread.is_alive():
            conn.cancel()
        thread.join()


def _run(conn: connection, statement: str, sink: _Sink) -> None:
    try:
        with conn.cursor() as cur:
            cur.copy_expert(statement, sink)
        sink.put_batch()
        sink.put(None)
    except _Abandoned:
        return
    except psycopg2.Error as err:
        if not sink.abandoned.is_set():
            sink.put(err)


def _drain(sink: _Sink) -> None:
    try:
        while True:
            sink.queue.get_nowait()
    except Empty:
        return
