"""A replication connection: read by the thread that decodes, and kept alive by another while the host is elsewhere.

The decoding thread reads the socket itself. A thread between the two would only take turns with it at the interpreter,
a few messages at a time; this way the server and this process work side by side.
"""

from __future__ import annotations

import math
import select
import socket
import time
from collections import deque
from threading import Condition, Event, Thread

import psycopg2
from psycopg2.extensions import connection
from psycopg2.extras import ReplicationCursor

from fustor_source_postgres._stream.libpq import send_status

_CHUNK_BYTES = 256 << 10
_CHUNK_MESSAGES = 512
# A sender can miss a commit that is flushed while it goes to sleep, seen with PostgreSQL 18: it then sleeps for ten
# seconds, unless it is spoken to.
_STATUS_SEC = 0.5
_AWAY_SEC = 0.1
_SHUTDOWN_QUESTIONS = 3
_SHUTDOWN_SEC = 1.0
_QUIET_SEC = 2.0
"""How long a server may say nothing before it is asked to."""


class Reader(Thread):
    """Messages of one stream, in chunks, in order.

    While nobody calls `take`, the thread answers the server and reads ahead, up to `queue_bytes`. The slot is released
    up to `release` only. `reports_passing` makes `take` return as soon as the server says that it is further.
    """

    def __init__(self, conn: connection, cur: ReplicationCursor, queue_bytes: int, *, reports_passing: bool) -> None:
        super().__init__(name="fustor-postgres-reader", daemon=True)
        self._conn = conn
        self._cur = cur
        self._limit = queue_bytes
        self._change = Condition()  # held around every use of the connection
        self._chunks: deque[tuple[list[bytes], int]] = deque()
        self.queued_bytes = 0  # read and not taken yet
        self._error: psycopg2.Error | None = None
        self._stopping = Event()
        self._is_taking = False
        self._left = time.monotonic()
        self._passed = self._reported_passed = 0
        self._flush = 0
        self._sent_flush = 0
        self._written = 0
        self._last_feedback: object = None
        self._questions: deque[float] = deque(maxlen=_SHUTDOWN_QUESTIONS)
        self._reports_passing = reports_passing
        self._wake_out, self._wake_in = socket.socketpair()
        self._next_status = 0.0
        self._heard_at = time.monotonic()
        self._last_heard: object = None
        self._asked_at: float | None = None

    @property
    def silence_sec(self) -> float:
        """For how long the server has owed an answer; true after a `take` that has found nothing."""
        asked = self._asked_at
        return 0.0 if asked is None else time.monotonic() - asked

    def release(self, lsn: int) -> None:
        """Let the server drop what it holds back for transactions committed before `lsn`."""
        if lsn > self._flush:
            self._flush = lsn
            self._speak(ask=False)

    def ask(self) -> None:
        """Make the server say how far it is."""
        self._speak(ask=True)

    def take(self, timeout: float) -> tuple[list[bytes] | None, int]:
        """The next chunk, or None after `timeout` seconds without one; and an LSN below which all has been taken.

        Raises:
            psycopg2.Error: the link broke; everything read before has been taken.
        """
        deadline = time.monotonic() + timeout
        with self._change:
            self._is_taking = True
        try:
            while True:
                with self._change:
                    chunk = self._next_chunk()
                    if chunk is not None:
                        return chunk, 0
                    left = deadline - time.monotonic()
                    if left <= 0 or (self._reports_passing and self._passed != self._reported_passed):
                        self._reported_passed = self._passed
                        return None, self._passed
                    left = min(left, self._status_due())
                    poller = _poller(self._conn.fileno(), self._wake_out.fileno())
                poller.poll(math.ceil(left * 1000))
        finally:
            with self._change:
                self._is_taking = False
                self._left = time.monotonic()
                self._change.notify_all()

    def stop(self) -> None:
        """End the thread and close the connection; returns when both are done, and `take` has returned."""
        self._stopping.set()
        with self._change:
            if self._wake_in.fileno() >= 0:
                self._wake_in.send(b"\0")
        if self.ident is not None:
            self.join()
        with self._change:
            while self._is_taking:
                self._change.wait()
            self._end(None)

    def run(self) -> None:
        """Answer the server and read ahead while nobody takes, until stopped or broken."""
        while not self._stopping.wait(_AWAY_SEC) and self._error is None:
            while self._read_ahead():
                pass

    def _next_chunk(self) -> list[bytes] | None:
        if self._chunks:
            chunk, size = self._chunks.popleft()
            self.queued_bytes -= size
            return chunk
        if self._stopping.is_set():
            raise psycopg2.OperationalError("The stream was closed")
        if self._error is not None:
            raise self._error
        try:
            chunk, _ = self._read()
            self._report()
        except psycopg2.Error as err:
            self._end(err)
            raise
        return chunk or None

    def _read_ahead(self) -> bool:
        """Read one chunk for later; whether there may be more."""
        with self._change:
            is_away = not self._is_taking and time.monotonic() - self._left > _AWAY_SEC
            if self._error is not None or self._stopping.is_set() or not is_away:
                return False
            chunk: list[bytes] = []
            try:
                if self.queued_bytes <= self._limit:
                    chunk, size = self._read()
                    if chunk:
                        self._chunks.append((chunk, size))
                        self.queued_bytes += size
                self._report()
            except psycopg2.Error as err:
                self._end(err)
            return bool(chunk)

    def _read(self) -> tuple[list[bytes], int]:
        """What is there, at most a chunk."""
        chunk: list[bytes] = []
        size = 0
        read = self._cur.read_message
        while size < _CHUNK_BYTES and len(chunk) < _CHUNK_MESSAGES:
            message = read()
            if message is None:
                break
            payload = message.payload
            chunk.append(payload)
            size += len(payload)
            last = message
        if chunk:
            self._written = last.wal_end
            self._hear()
        else:
            if self._cur.io_timestamp != self._last_heard:
                self._last_heard = self._cur.io_timestamp
                self._hear()
            self._passed = self._cur.wal_end or 0
            self._notice_shutdown()
        return chunk, size

    def _hear(self) -> None:
        self._heard_at = time.monotonic()
        self._asked_at = None

    def _notice_shutdown(self) -> None:
        """Leave a server that is going down.

        It waits for every stream to confirm everything, which this one must not do, and asks again and again; in
        ordinary times it asks once in half a minute.
        """
        feedback = self._cur.feedback_timestamp
        if feedback == self._last_feedback:
            return
        self._last_feedback = feedback  # psycopg2 has answered a question
        self._questions.append(time.monotonic())
        if len(self._questions) == _SHUTDOWN_QUESTIONS and self._questions[-1] - self._questions[0] < _SHUTDOWN_SEC:
            raise psycopg2.OperationalError("The server is shutting down")

    def _status_due(self) -> float:
        return max(self._next_status - time.monotonic(), 0)

    def _speak(self, *, ask: bool) -> None:
        with self._change:
            if self._error is not None or self._conn.closed:
                return
            try:
                self._report(ask=ask)
            except psycopg2.Error as err:
                self._end(err)

    def _report(self, *, ask: bool = False) -> None:
        seen = max(self._written, self._passed)
        flush = min(self._flush, seen)  # the server believes any number, and would never send what lies below it
        now = time.monotonic()
        ask = ask or (self._asked_at is None and now - self._heard_at >= _QUIET_SEC)
        if ask and self._asked_at is None:
            self._asked_at = now
        if ask or flush > self._sent_flush or self._status_due() == 0:
            self._sent_flush = max(flush, self._sent_flush)
            send_status(self._conn, seen, self._sent_flush, ask=ask)
            self._next_status = time.monotonic() + _STATUS_SEC

    def _end(self, error: psycopg2.Error | None) -> None:
        """Note what broke, if something did. What waits at the connection notices its end, or `stop`."""
        self._error = self._error or error
        if error is None:
            self._conn.close()
            self._wake_in.close()
            self._wake_out.close()


def _poller(*descriptors: int) -> select.poll:
    """Waits for any of them to be readable, also in a process that has more files open than select() can name."""
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return poller
