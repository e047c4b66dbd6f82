"""A bell that wakes every coroutine that waits for a state to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Bell"]


class Bell:
    """For one event loop: whoever changes the state rings, whoever waits looks again."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait. To be called in the loop's thread, after the state changed."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    async def wait_until(self, condition: Callable[[], bool], timeout_sec: float | None = None) -> bool:
        """Return whether `condition` came true within the time; it is looked at after every ring."""
        try:
            async with asyncio.timeout(timeout_sec):
                while not condition():
                    await self._rung.wait()
        except TimeoutError:
            return condition()
        return True
