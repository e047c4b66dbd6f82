"""How often and how long to try again, and when to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TypeVar

import psycopg2
from psycopg2.extensions import connection

from fustor_core.exceptions import DriverError
from fustor_source_postgres._server.connection import Address, is_final, is_transient

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)
_SLICE_SEC = 0.05
_FIRST_PAUSE_SEC = 0.05
_LONGEST_PAUSE_SEC = 0.5  # a server that restarts is to be found again soon; the budget is not spent by attempts


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """A wait ended because the host or the driver stops."""


class Stop:
    """Several reasons to stop, as one."""

    def __init__(self, *events: Event | None) -> None:
        self._events = [event for event in events if event is not None]

    def also(self, event: Event) -> Stop:
        """The same reasons and one more."""
        return Stop(*self._events, event)

    def is_set(self) -> bool:
        """Whether any of the reasons holds."""
        return any(event.is_set() for event in self._events)

    def check(self) -> None:
        """Raise Stopped where one of the reasons holds."""
        if self.is_set():
            raise Stopped

    def wait(self, seconds: float) -> bool:
        """Return after so many seconds, or soon after a reason to stop appears; whether one did."""
        deadline = time.monotonic() + seconds
        while not self.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._events[0].wait(min(left, _SLICE_SEC))
        return True


@contextmanager
def cancelled_by(stop: Stop, conn: connection) -> Iterator[None]:
    """Cancel what `conn` does in the block once there is a reason to stop.

    Raises:
        Stopped: it was cancelled for that.
    """
    done = Event()
    watcher = Thread(target=_cancel, args=(stop, done, conn), name="fustor-postgres-watch", daemon=True)
    watcher.start()
    try:
        yield
    except psycopg2.extensions.QueryCanceledError:
        if stop.is_set():
            raise Stopped from None
        raise
    finally:
        done.set()
        watcher.join()


def _cancel(stop: Stop, done: Event, conn: connection) -> None:
    pause = _SLICE_SEC
    while not done.wait(pause):
        if stop.is_set():
            conn.cancel()
            pause = _LONGEST_PAUSE_SEC  # one that comes before the server has begun is lost


class Patience:
    """Pauses that double up to half a second, within a budget of `max_retries * retry_delay_sec` seconds."""

    def __init__(self, max_retries: int, retry_delay_sec: float, address: Address, stop: Stop) -> None:
        self._longest = min(retry_delay_sec, _LONGEST_PAUSE_SEC)
        self._max_retries = max_retries
        self._delay = retry_delay_sec
        self.budget_sec = max_retries * retry_delay_sec
        self._address = address
        self._stop = stop
        self._said = 0
        self.reset()

    def reset(self) -> None:
        """Forget the failures so far: the budget starts anew."""
        self._answered()
        self._pause = min(_FIRST_PAUSE_SEC, self._longest)
        self._deadline: float | None = None

    def wait(self, err: psycopg2.Error) -> None:
        """Return when the next attempt may be made.

        Raises:
            DriverError: `err` is final, or the budget is spent.
            Stopped: there is a reason to stop.
        """
        now = time.monotonic()
        self._deadline = self._deadline or now + self.budget_sec
        if not is_transient(err) or is_final(err) or now >= self._deadline:
            # without its cause, whose text may hold a secret
            raise DriverError(
                f"PostgreSQL at {self._address.shown!r} cannot be read: {self._address.clean(err)}"
            ) from None
        self._say(err, 1 + int((now + self.budget_sec - self._deadline) / self._delay) if self._delay else 1)
        if self._stop.wait(min(self._pause, max(self._deadline - now, 0))):
            raise Stopped
        self._pause = min(self._pause * 2, self._longest)

    def _say(self, err: psycopg2.Error, attempt: int) -> None:
        """Warn of the first failure, and again whenever one more of the configured delays has passed.

        The lines are marked, so that a host can tell what they are (driver contract, section 4).
        """
        if attempt > self._said:
            self._said = attempt
            _log.warning(
                "PostgreSQL at %s: %s; attempt %d of %d, the next in %.2g s",
                self._address.shown,
                self._address.clean(err),
                attempt,
                self._max_retries,
                self._pause,
                extra={"fustor_retry": {"attempt": attempt, "of": self._max_retries, "next_sec": self._pause}},
            )

    def _answered(self) -> None:
        """Say, where a failure was said, that it is over."""
        if self._said:
            self._said = 0
            _log.warning("PostgreSQL at %s answers again", self._address.shown, extra={"fustor_retry": {"attempt": 0}})

    def keep_trying(self, action: Callable[[], _Result]) -> _Result:
        """What `action` returns, tried again after faults that may pass; raises like `wait`."""
        while True:
            self._stop.check()
            try:
                result = action()
            except psycopg2.Error as err:
                self.wait(err)
            else:
                self._answered()
                return result
