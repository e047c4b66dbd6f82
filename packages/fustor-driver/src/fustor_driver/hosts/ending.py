"""How a run ends in time: coroutines are cancelled, drivers closed, and nothing is waited for without a limit.

Whoever ends a run has to say on whom it gave up: which calls of drivers have not returned is noted as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import DriverError
from fustor_driver.hosts.status import RunState
from fustor_driver.redaction import safe_logger

__all__ = ["Ending", "UnderWay", "described", "ended_state", "error_of"]

_log = safe_logger("fustor_driver.host")
_LEAST_SEC = 0.05
_GRACEFUL_SHARE, _CLOSING_SHARE = 0.6, 0.15


class Ending:
    """The time that is left from a wish to stop to the end of everything.

    Three fifths are for a graceful stop, about a seventh for closing; the rest is the process's own.
    """

    def __init__(self, stop_timeout_sec: float) -> None:
        self.gave_up = False
        self.left_behind: set[str] = set()
        """Who did not stop and has been named."""
        self._close_sec = _CLOSING_SHARE * stop_timeout_sec
        self._patience_sec = stop_timeout_sec
        self._until: float | None = None

    def begin(self, within_sec: float) -> float:
        """Somebody wishes everything to end within so many seconds; how many of them a graceful stop may take."""
        self._close_sec = min(self._close_sec, _CLOSING_SHARE * within_sec)
        return _GRACEFUL_SHARE * within_sec

    def give_up(self, close_sec: float | None) -> None:
        """No more graceful stop: everything is over in `close_sec`; a later call can only shorten that."""
        self.gave_up = True
        until = time.monotonic() + (self._close_sec if close_sec is None else close_sec)
        self._until = until if self._until is None else min(self._until, until)

    async def end(self, work: asyncio.Task[Any]) -> None:
        """Cancel the work and wait for its end, as long as there is time."""
        work.cancel()
        await asyncio.wait({work}, timeout=self._left_sec() / 2)

    async def close(self, pusher: PusherDriver, source: SourceDriver, under_way: UnderWay) -> bool:
        """Close both drivers; whether both did in time. One that did not is named and left behind.

        Raises:
            DriverError: what a driver raised; a cancelled one says nothing.
        """
        closing = {asyncio.ensure_future(_close(driver, under_way)): driver for driver in (pusher, source)}
        done, late = await asyncio.wait(closing, timeout=self._left_sec())
        for task in late:
            task.cancel()
            _log.warning("%s did not stop in time; it is left behind", who := described(closing[task], "close"))
            self.left_behind.add(who)
        errors = [err for task in done if not task.cancelled() and (err := task.exception()) is not None]
        for err in errors:
            if self.gave_up and isinstance(err, DriverError):
                _log.warning("A driver could not be closed in order: %s", err)
            else:
                raise err
        return not late

    def _left_sec(self) -> float:
        if self._until is None:
            return self._patience_sec
        return max(self._until - time.monotonic(), _LEAST_SEC)


async def _close(driver: SourceDriver | PusherDriver, under_way: UnderWay) -> None:
    with under_way.call(driver, "close"):
        await driver.close()


def ended_state(work: asyncio.Task[Any]) -> RunState:
    """What became of a run whose work has ended, or would not."""
    if not work.done() or work.cancelled():
        return RunState.ABORTED
    return RunState.STOPPED if work.exception() is None else RunState.FAILED


def error_of(work: asyncio.Task[Any]) -> str | None:
    """What ended the work, in words."""
    if not work.done() or work.cancelled() or (err := work.exception()) is None:
        return None
    name = type(err).__name__
    try:
        return str(err) or name
    except Exception as fault:  # noqa: BLE001 - a driver's own class: the run ends by it all the same, in these words
        return f"{name}, whose text fails with {type(fault).__name__}"


class UnderWay:
    """The calls that a host waits for. Noted in its loop, read from any thread."""

    def __init__(self) -> None:
        self._calls: list[str] = []

    @contextmanager
    def call(self, driver: SourceDriver | PusherDriver, method: str) -> Iterator[None]:
        """While the block runs, the driver's method is under way."""
        text = described(driver, method)
        self._calls.append(text)
        try:
            yield
        finally:
            self._calls.remove(text)

    def leave(self, driver: SourceDriver | PusherDriver, method: str) -> None:
        """Nobody waits any more for a call that is still under way, in a thread of its own."""
        self._calls.append(described(driver, method))

    def __call__(self) -> list[str]:
        """Driver and method of each, in words."""
        return list(self._calls)


def described(driver: SourceDriver | PusherDriver, method: str) -> str:
    """A driver and what it is asked to do, as the beginning of a sentence."""
    kind = "source" if isinstance(driver, SourceDriver) else "pusher"
    return f"The {kind} {driver.id!r} ({method})"
