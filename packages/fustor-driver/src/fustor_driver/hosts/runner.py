"""Running the guide host as a process: signals, a time limit, and a regular look at its status."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts.guide import GuideHost
from fustor_driver.hosts.lock import locked_task
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.status import RunState, Status
from fustor_driver.supervision import Work, caught_signals

__all__ = ["run_host"]

_POLL_SEC = 0.1
_CTRL_C_SEC = 2.0
_CLOSE_AT_ONCE_SEC = 0.1
_AT_ONCE_SEC = 0.3
_FORCED_SHARE = 0.9
_TIDY_SEC = 0.1
_AT_ONCE, _NOW = 2, 3


def run_host(
    source: SourceDriver,
    pusher: PusherDriver,
    options: HostOptions,
    *,
    duration_sec: float | None = None,
    look: Callable[[Status], None] = lambda _: None,
    look_every_sec: float = 1.0,
) -> int:
    """Run until a signal, the time limit or an error; the number of the signal that ended it, else 0.

    The first SIGINT stops gracefully within two seconds, SIGTERM and the time limit within `stop_timeout_sec`; the
    second signal ends it now. The drivers work in another thread; one that does not let go of it is named and left
    behind. `look` gets the status regularly and once at the end, in the calling thread.

    Raises:
        DriverError, FustorDriverError: as `GuideHost.run` does.
        EnvironmentProblem: the task is run already, or its state directory cannot be written.
        CheckFailed: the time limit was reached, and the run did not end.
    """
    host = GuideHost(source, pusher, options)
    supervised = _Supervised(host, options, duration_sec, look, look_every_sec)
    with locked_task(options), caught_signals() as received:
        supervised.until_the_end(received)
    if not supervised.ended:
        if received:
            return received[0]
        raise CheckFailed(
            f"The run did not end within {options.stop_timeout_sec:g} s of its time; what was not pushed is read again"
        )
    supervised.work.result(_TIDY_SEC) if received else supervised.work.result()
    return received[0] if received else 0


class _Supervised:
    """A host at work in a thread of its own, seen from the main thread."""

    def __init__(
        self,
        host: GuideHost,
        options: HostOptions,
        duration_sec: float | None,
        look: Callable[[Status], None],
        look_every_sec: float,
    ) -> None:
        self.work = Work(host.run, "fustor-host")
        self.ended = False
        self._host = host
        self._look = look
        self._look_every_sec = look_every_sec
        self._stop_sec = options.stop_timeout_sec
        self._stop_at = time.monotonic() + duration_sec if duration_sec is not None else float("inf")
        self._force_at = float("inf")
        self._seen = 0

    def until_the_end(self, received: list[int]) -> None:
        """Return when the host has ended, or has had the time that it may have."""
        self.work.start()
        try:
            self._supervise(received)
        finally:
            if not self.ended:
                self.work.call(lambda: self._host.abort(_CLOSE_AT_ONCE_SEC))
        status = self._host.status()
        if not self.ended:
            unpushed = self._host.unpushed()
            self._host.say_what_is_left(unpushed)
            status = status.model_copy(update={"state": RunState.ABORTED, "unpushed": unpushed})
        self._look(status)

    def _supervise(self, received: list[int]) -> None:
        next_look, state = time.monotonic(), None
        while True:
            now = time.monotonic()
            status = self._host.status()
            if now >= next_look or status.state is not state:
                self._look(status)
                state, next_look = status.state, now + self._look_every_sec
            self._heed(received, now)
            self.ended = self.work.wait(min(_POLL_SEC, next_look - now, self._stop_at - now, self._force_at - now))
            if self.ended or time.monotonic() >= self._force_at:
                return

    def _heed(self, received: list[int], now: float) -> None:
        """Stop for the first signal or when the time is up, at once for the second, without asking for the third."""
        for count in range(self._seen + 1, len(received) + 1):
            if count == 1:
                is_ctrl_c = received[0] == signal.SIGINT
                self._stop(now, min(self._stop_sec, _CTRL_C_SEC) if is_ctrl_c else self._stop_sec)
            elif count == _AT_ONCE:
                self.work.call(lambda: self._host.abort(_CLOSE_AT_ONCE_SEC))
                self._force_at = min(self._force_at, now + _AT_ONCE_SEC)
            elif count >= _NOW:
                self._force_at = now
        self._seen = len(received)
        if now >= self._stop_at:
            self._stop(now, self._stop_sec)

    def _stop(self, now: float, within_sec: float) -> None:
        self._stop_at = float("inf")
        self.work.call(partial(self._host.stop, within_sec))
        self._force_at = min(self._force_at, now + _FORCED_SHARE * within_sec)
