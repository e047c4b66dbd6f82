"""One thread that does a driver's file work, in order, for any event loop.

The executors of the standard library do the same in twice the time, which a push of one event feels.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast

_T = TypeVar("_T")
_Call: TypeAlias = tuple[Callable[[], Any], asyncio.AbstractEventLoop, asyncio.Future[Any]]
"""What is to be done, and who waits for it where."""


class Worker:
    """The thread is started by the first call; it keeps no process alive."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._is_started = False

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns or raises; it is done after all that was asked for before."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if not self._is_started:
            self._is_started = True
            self._thread.start()
        self._calls.put((work, loop, future))
        return cast("_T", await future)

    def stop(self) -> None:
        """Finish what was asked for, and end the thread."""
        if self._is_started:
            self._calls.put(None)
            self._thread.join()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            work, loop, future = call
            try:
                settle = partial(future.set_result, work())
            except BaseException as error:  # noqa: BLE001 - handed to the one who waits for it
                settle = partial(future.set_exception, error)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, future, settle)


def _settle(future: asyncio.Future[Any], settle: Callable[[], None]) -> None:
    if not future.cancelled():
        settle()
