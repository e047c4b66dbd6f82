"""Heartbeats at the pusher's own pace: the agent sends none while it pushes."""

from __future__ import annotations

import asyncio
import logging

from fustor_sender_bridge._core import ConfigError, DriverError, PusherDriver, SessionObsoletedError
from fustor_sender_bridge._replies import says_obsolete

__all__ = ["Beats"]

_log = logging.getLogger("fustor_sender_bridge")


class Beats:
    """The heartbeats of one session, from the first interval on until they are stopped or the session is gone."""

    def __init__(self, pusher: PusherDriver, session_id: str, interval_sec: float) -> None:
        self._pusher = pusher
        self._session_id = session_id
        self._interval_sec = interval_sec
        self._task = asyncio.ensure_future(self._run())

    def check(self) -> None:
        """Return while the session lives, as far as is known.

        Raises:
            SessionObsoletedError: the pusher has said that it is gone.
        """
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    async def stop(self) -> None:
        """Send no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_sec)
            try:
                await self._pusher.heartbeat(session_id=self._session_id)
            except (DriverError, ConfigError) as err:
                if says_obsolete(err):
                    raise SessionObsoletedError(f"A heartbeat of session {self._session_id} failed: {err}") from err
                _log.warning("A heartbeat of session %s failed: %s", self._session_id, err)
