"""Attempts at a pusher, where the agent would give up or take a snapshot anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from fustor_sender_bridge._core import RetryableError

__all__ = ["Retries", "pause_sec"]

_T = TypeVar("_T")
_log = logging.getLogger("fustor_sender_bridge")
_LONGEST_SEC = 30.0


def pause_sec(delay_sec: float, attempt: int) -> float:
    """The pause after the `attempt`-th failure (from 1): doubled each time, up to 30 s or to `delay_sec`."""
    return min(delay_sec * 2.0 ** min(attempt - 1, 30), max(_LONGEST_SEC, delay_sec))


@dataclass(frozen=True)
class Retries:
    """How often and how soon a call is made again while it raises RetryableError."""

    attempts: int
    delay_sec: float

    async def __call__(self, call: Callable[[], Awaitable[_T]], what: str) -> _T:
        """What `call` returns; `what` names it in the log.

        Raises:
            RetryableError: every attempt failed.
        """
        for attempt in range(1, self.attempts):
            try:
                return await call()
            except RetryableError as err:
                pause = pause_sec(self.delay_sec, attempt)
                _log.warning(
                    "%s failed (attempt %d of %d, next in %.3g s): %s", what, attempt, self.attempts, pause, err
                )
            await asyncio.sleep(pause)
        return await call()
