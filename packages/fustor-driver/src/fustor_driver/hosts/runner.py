"""Running guide hosts as a process: signals, a time limit, and a regular look at their status."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts.guide import GuideHost
from fustor_driver.hosts.lock import locked_task
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.status import RunState, Status
from fustor_driver.logs import named
from fustor_driver.redaction import safe_logger
from fustor_driver.supervision import Work, caught_signals

__all__ = ["Ended", "Job", "run_host", "run_hosts"]

_log = safe_logger("fustor_driver.host")
_POLL_SEC = 0.1
_CTRL_C_SEC = 2.0
_CLOSE_AT_ONCE_SEC = 0.1
_AT_ONCE_SEC = 0.3
_FORCED_SHARE = 0.8
_TIDY_SEC = 0.1
_AT_ONCE, _NOW = 2, 3


@dataclass(frozen=True)
class Job:
    """One source to one pusher."""

    source: SourceDriver
    pusher: PusherDriver
    options: HostOptions


@dataclass(frozen=True)
class Ended:
    """How a run has ended: its last status, and the number of the signal that ended it, else 0."""

    status: Status
    signal: int
    error: BaseException | None


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

    As `run_hosts` does, with one status for `look`.

    Raises:
        DriverError, FustorDriverError: as `GuideHost.run` does.
        EnvironmentProblem: the task is run already, or its state directory cannot be written.
        CheckFailed: the time limit was reached, and the run did not end.
    """
    (ended,) = run_hosts(
        [Job(source, pusher, options)],
        duration_sec=duration_sec,
        look=lambda seen: look(seen[0]),
        look_every_sec=look_every_sec,
    )
    if ended.error is not None:
        raise ended.error
    return ended.signal


def run_hosts(
    jobs: Sequence[Job],
    *,
    duration_sec: float | None = None,
    look: Callable[[Sequence[Status]], None] = lambda _: None,
    look_every_sec: float = 1.0,
) -> list[Ended]:
    """Run until a signal, the time limit, or the end of all; one that ends by an error ends no other.

    The first SIGINT stops all gracefully within two seconds, SIGTERM and the time limit within `stop_timeout_sec`; the
    second signal ends them now. The drivers of each work in another thread; one that does not let go of it is named
    and left behind. `look` gets the statuses, in the order of the jobs, regularly and once at the end, in the calling
    thread.

    Raises:
        EnvironmentProblem: a task is run already, or a state directory cannot be written; nothing was started.
    """
    runs = [_Run(job, duration_sec, names=len(jobs) > 1) for job in jobs]
    with ExitStack() as stack:
        for job in jobs:
            stack.enter_context(locked_task(job.options))
        received = stack.enter_context(caught_signals())
        _until_the_end(runs, received, look, look_every_sec)
    return [run.outcome(received) for run in runs]


def _until_the_end(
    runs: Sequence[_Run], received: list[int], look: Callable[[Sequence[Status]], None], look_every_sec: float
) -> None:
    """Return when every run has ended, or has had the time that it may have."""
    for run in runs:
        run.work.start()
    next_look, states = time.monotonic(), None
    try:
        while going := [run for run in runs if not run.is_over]:
            now = time.monotonic()
            seen = [run.status() for run in runs]
            if now >= next_look or [status.state for status in seen] != states:
                look(seen)
                states, next_look = [status.state for status in seen], now + look_every_sec
            for run in going:
                run.heed(received, now)
            going[0].work.wait(min(_POLL_SEC, next_look - now, *(run.next_due - now for run in going)))
            for run in going:
                run.see_whether_it_is_over()
    finally:
        for run in runs:
            if not run.is_over:
                run.abandon()
    look([run.status() for run in runs])


class _Run:
    """A host at work in a thread of its own, seen from the main thread."""

    def __init__(self, job: Job, duration_sec: float | None, *, names: bool) -> None:
        self._host = host = GuideHost(job.source, job.pusher, job.options)
        self.work = Work(named(job.options.task_id, host.run) if names else host.run, "fustor-host")
        self.is_over = False
        """Whether it has ended, or has had the time that it may have."""
        self._ended = False
        self._last: Status | None = None
        self._names = names
        self._stop_sec = job.options.stop_timeout_sec
        self._stop_at = time.monotonic() + duration_sec if duration_sec is not None else float("inf")
        self._force_at = float("inf")
        self._seen = 0

    @property
    def next_due(self) -> float:
        """When `heed` has something to do again, by the monotonic clock."""
        return min(self._stop_at, self._force_at)

    def status(self) -> Status:
        """What it does, or did."""
        return self._last or self._host.status()

    def see_whether_it_is_over(self) -> None:
        """Look at the thread and at the clock."""
        self._ended = self.work.wait(0)
        self.is_over = self._ended or time.monotonic() >= self._force_at
        if self.is_over:
            self.abandon()
        if self._ended and self._names and (error := self._error()) is not None:
            _log.error("Task %r has ended by an error: %s", self.status().task_id, error)

    def abandon(self) -> None:
        """No more is waited for; what has not ended is told to, and what it leaves behind is said."""
        if self._ended:
            self._last = self._host.status()
            return
        self.work.call(lambda: self._host.abort(_CLOSE_AT_ONCE_SEC))
        unpushed = self._host.unpushed()
        self._host.say_what_is_left(unpushed)
        self._last = self._host.status().model_copy(update={"state": RunState.ABORTED, "unpushed": unpushed})

    def outcome(self, received: list[int]) -> Ended:
        """How it has ended; an error where the time limit did not end it."""
        signal_number = received[0] if received else 0
        error = self._error(_TIDY_SEC if received else None) if self._ended else None
        if not (self._ended or received):
            error = CheckFailed(
                f"The run did not end within {self._stop_sec:g} s of its time; what was not pushed is read again"
            )
        return Ended(self.status(), signal_number, error)

    def _error(self, tidy_sec: float | None = None) -> BaseException | None:
        try:
            self.work.result(tidy_sec) if tidy_sec is not None else self.work.result()
        except BaseException as err:  # noqa: BLE001 - handed to whoever asks how it ended
            return err
        return None

    def heed(self, received: list[int], now: float) -> None:
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
