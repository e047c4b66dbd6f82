"""Work with drivers that ends in time, whatever they do: a thread of its own, while the main one sees the signals.

A driver may block its event loop, swallow a cancellation or never return. So nothing of a driver runs in the main
thread: that one only waits, is therefore always there for a signal, and leaves behind what does not end.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any, Generic, TypeVar, cast

from fustor_driver.errors import FustorDriverError, NotConformant

__all__ = ["GRACE_SEC", "Interrupted", "Work", "caught_signals", "in_thread", "run_bounded"]

_T = TypeVar("_T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SIGNAL_CODE_BASE = 128
_POLL_SEC = 0.1
_TIDY_SEC = 1.0
GRACE_SEC = 1.5
"""How long work that was asked to stop may go on."""


class Interrupted(FustorDriverError):  # noqa: N818 - named for what happened, as the other endings
    """A signal ended the command."""

    def __init__(self, number: int, *, is_left_behind: bool = False) -> None:
        left = "; the driver did not stop in time and is left behind" if is_left_behind else ""
        super().__init__(f"Interrupted by {signal.Signals(number).name}{left}")
        self.exit_code = _SIGNAL_CODE_BASE + number


class Work(Generic[_T]):
    """A coroutine in an event loop of a daemon thread."""

    def __init__(self, main: Callable[[], Coroutine[Any, Any, _T]], name: str) -> None:
        self._main = main
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._result: _T | None = None
        self._error: BaseException | None = None
        self._begun = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread; on return the loop runs."""
        self._thread.start()
        self._begun.wait()

    def wait(self, timeout_sec: float) -> bool:
        """Whether the coroutine has ended within the time."""
        return self._done.wait(max(timeout_sec, 0.0))

    def call(self, function: Callable[[], object]) -> None:
        """Have `function` called in the loop's thread, if the loop still runs."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: there is nobody left to call
                self._loop.call_soon_threadsafe(function)

    def cancel(self) -> None:
        """Cancel the coroutine, for what that is worth."""
        self.call(lambda: self._task is not None and self._task.cancel())

    def result(self, tidy_sec: float = _TIDY_SEC) -> _T:
        """What the coroutine returned; only after its end, whose tidying up gets a moment.

        Raises:
            BaseException: what it raised.
        """
        self._thread.join(tidy_sec)
        if self._error is not None:
            raise self._error
        return cast("_T", self._result)

    def _run(self) -> None:
        try:
            asyncio.run(self._noted())
        finally:
            self._begun.set()
            self._done.set()

    async def _noted(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._begun.set()
        try:
            self._result = await self._main()
        except BaseException as err:  # noqa: BLE001 - handed to whoever asks for the result, in another thread
            self._error = _reported(err)
        finally:
            self._done.set()


@contextmanager
def caught_signals() -> Iterator[list[int]]:
    """The numbers of the SIGINT and SIGTERM that came meanwhile, in order; they do nothing else.

    Only the main thread can catch signals; in another one the list stays empty.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.signal(number, lambda got, _: received.append(got)) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_bounded(
    main: Callable[[], Coroutine[Any, Any, _T]],
    *,
    timeout_sec: float | None = None,
    stop: Callable[[], None] | None = None,
    grace_sec: float = GRACE_SEC,
    name: str = "fustor-work",
) -> _T:
    """What a coroutine returns, which works with a driver and may block as it likes.

    On a signal, or when the time is up, `stop` is called in the main thread (without it the coroutine is cancelled);
    what does not end within `grace_sec` is left behind in its thread.

    Raises:
        Interrupted: by SIGINT or SIGTERM; the second signal does not wait.
        TimeoutError: the time is up.
        Exception: what the coroutine raised.
    """
    deadline = time.monotonic() + timeout_sec if timeout_sec is not None else float("inf")
    work = Work(main, name)
    with caught_signals() as received:
        work.start()
        while not work.wait(min(_POLL_SEC, deadline - time.monotonic())):
            if received or time.monotonic() >= deadline:
                (stop or work.cancel)()
                _wait_for_grace(work, received, grace_sec)
                if received:
                    raise Interrupted(received[0], is_left_behind=not work.wait(0))
                raise TimeoutError
        if received:
            raise Interrupted(received[0])
    return work.result()


def _wait_for_grace(work: Work[Any], received: list[int], grace_sec: float) -> None:
    until, before = time.monotonic() + grace_sec, len(received)
    while not work.wait(min(_POLL_SEC, until - time.monotonic())):
        if time.monotonic() >= until or len(received) > max(before, 1):
            return


def _reported(err: BaseException) -> BaseException:
    """What a driver raised; where that would end the process or an iteration of ours, an error that says so."""
    if not isinstance(err, SystemExit | KeyboardInterrupt | StopIteration):
        return err
    named = NotConformant(f"A driver raised {err!r}, which ends whoever calls it; it has to raise a DriverError")
    named.__cause__ = err
    return named


async def in_thread(function: Callable[[], _T], name: str) -> _T:
    """What `function` returns, called in a daemon thread: one that never returns keeps no process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(set_it: Callable[[Any], None], value: object) -> None:
        if not future.done():
            set_it(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], object] = (future.set_result, function())
        except BaseException as err:  # noqa: BLE001 - raised where it is awaited
            outcome = (future.set_exception, _reported(err))
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=copy_context().run, args=(run,), name=name, daemon=True).start()
    return await future
