"""The thread that owns a replication connection: it reads ahead, bounded, and answers while the host waits."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from threading import Condition, Thread

import psycopg2
from psycopg2.extensions import connection
from psycopg2.extras import ReplicationCursor

_CHUNK_BYTES = 256 << 10
_CHUNK_MESSAGES = 512
# A sender can miss a commit that is flushed while it goes to sleep, seen with PostgreSQL 18: it then sleeps for ten
# seconds, unless it is spoken to.
_STATUS_SEC = 0.5
_SHUTDOWN_QUESTIONS = 3
_SHUTDOWN_SEC = 1.0


class Reader(Thread):
    """Messages of one stream, in chunks, in order.

    The slot is released up to `release` only, and never past the start of the last message: psycopg2 moves a slot on by
    itself once everything it has read is confirmed, and the host's position would then be lost. `tells_passing` makes
    `take` return as soon as the server says that it is further.
    """

    def __init__(self, conn: connection, cur: ReplicationCursor, queue_bytes: int, *, tells_passing: bool) -> None:
        super().__init__(name="fustor-postgres-reader", daemon=True)
        self._conn = conn
        self._cur = cur
        self._limit = queue_bytes
        self._change = Condition()
        self._chunks: deque[tuple[list[bytes], int]] = deque()
        self._queued = 0
        self._error: BaseException | None = None
        self._ended = False
        self._stopping = False
        self._passed = self._told_passed = 0
        self._flush = 0
        self._sent_flush = 0
        self._last_start = 0
        self._ask = False
        self._last_feedback: object = None
        self._questions: deque[float] = deque(maxlen=_SHUTDOWN_QUESTIONS)
        self._tells_passing = tells_passing
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_in.setblocking(False)
        self._next_status = 0.0

    @property
    def queued_bytes(self) -> int:
        """What has been read and not been taken."""
        return self._queued

    def release(self, lsn: int) -> None:
        """Let the server drop what it holds back for transactions committed before `lsn`."""
        if lsn > self._flush:
            self._flush = lsn
            self._wake()

    def ask(self) -> None:
        """Make the server say how far it is."""
        self._ask = True
        self._wake()

    def take(self, timeout: float) -> tuple[list[bytes] | None, int]:
        """The next chunk, or None after `timeout` seconds without one; and an LSN below which all has been taken.

        Raises:
            psycopg2.Error: the link broke; everything read before has been taken.
        """
        with self._change:
            if not self._chunks and not self._ended and not self._has_news():
                self._change.wait(timeout)
            if self._chunks:
                chunk, size = self._chunks.popleft()
                self._queued -= size
                self._change.notify_all()
                return chunk, 0
            if self._ended:
                raise self._error or psycopg2.OperationalError("The server ended the stream")
            self._told_passed = self._passed
            return None, self._passed

    def stop(self) -> None:
        """End the thread and close the connection; returns when both are done."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._wake()
        if self.ident is not None:
            self.join()
        self._close()

    def run(self) -> None:
        """Read until stopped or broken."""
        error: BaseException | None = None
        try:
            while not self._stopping:
                self._read_once()
        except (psycopg2.Error, OSError, ValueError) as err:  # closed descriptors raise the latter two
            error = err
        finally:
            with self._change:
                self._ended = True
                self._error = error if isinstance(error, psycopg2.Error) else None
                self._change.notify_all()
            self._close()

    def _read_once(self) -> None:
        chunk: list[bytes] = []
        size = 0
        read = self._cur.read_message
        message = None
        while size < _CHUNK_BYTES and len(chunk) < _CHUNK_MESSAGES:
            message = read()
            if message is None:
                break
            payload = message.payload
            chunk.append(payload)
            size += len(payload)
            last = message
        if chunk:
            self._last_start = last.data_start
            self._hand_over(chunk, size)
        else:
            self._pass(self._cur.wal_end or 0)
            self._notice_shutdown()
            self._wait(self._status_due())
        self._report()

    def _has_news(self) -> bool:
        return self._tells_passing and self._passed != self._told_passed

    def _pass(self, lsn: int) -> None:
        if lsn != self._passed:
            with self._change:
                self._passed = lsn
                if self._tells_passing:
                    self._change.notify_all()

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

    def _hand_over(self, chunk: list[bytes], size: int) -> None:
        with self._change:
            self._chunks.append((chunk, size))
            self._queued += size
            self._change.notify_all()
        while self._queued > self._limit and not self._stopping:
            with self._change:
                self._change.wait(min(self._status_due(), 1))
            self._report()

    def _status_due(self) -> float:
        return max(self._next_status - time.monotonic(), 0)

    def _report(self) -> None:
        flush = min(self._flush, self._last_start - 1)
        if self._ask or flush > self._sent_flush or self._status_due() == 0:
            ask, self._ask = self._ask, False
            self._sent_flush = max(flush, self._sent_flush)
            send = self._cur.send_feedback
            send(flush_lsn=self._sent_flush, reply=ask, force=True)  # type: ignore[no-untyped-call] # no stubs
            self._last_feedback = self._cur.feedback_timestamp
            self._next_status = time.monotonic() + _STATUS_SEC

    def _wait(self, seconds: float) -> None:
        readable, _, _ = select.select([self._conn.fileno(), self._wake_out.fileno()], [], [], seconds)
        if self._wake_out.fileno() in readable:
            self._wake_out.recv(4096)

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except OSError:  # it has enough to wake up to, or is gone
            return

    def _close(self) -> None:
        self._conn.close()
        self._wake_in.close()
        self._wake_out.close()
