"""The sessions of a run, one after the other."""

from __future__ import annotations

import time

from fustor_core.drivers import PusherDriver
from fustor_driver.hosts import calls
from fustor_driver.hosts.counters import Progress
from fustor_driver.hosts.delivery import Control, Pauses, Session
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.replies import SessionReply
from fustor_driver.hosts.rivals import Rivals
from fustor_driver.redaction import safe_logger

__all__ = ["Sessions"]

_log = safe_logger("fustor_driver.host")


class Sessions:
    """Opens sessions and knows which one is current."""

    def __init__(
        self, pusher: PusherDriver, options: HostOptions, control: Control, progress: Progress, rivals: Rivals
    ) -> None:
        self._pusher = pusher
        self._rivals = rivals
        self._options = options
        self._control = control
        self._progress = progress
        self._pauses = Pauses(pusher, options, control, progress)
        self._current: Session | None = None
        self._opened_at = 0.0
        self._hasty = 0

    @property
    def current(self) -> Session:
        """The session that pushes go to.

        Raises:
            RuntimeError: none was opened yet.
        """
        if self._current is None:
            raise RuntimeError("no session is open")
        return self._current

    async def open(self) -> Session | None:
        """A new session, the current one from now on; None when the host stops meanwhile.

        Raises:
            CheckFailed: the pusher stayed out of reach.
            DriverError: it refuses.
        """
        reply = await calls.retried(self._pusher, self._ask, self._pauses, "gave no session")
        return self._opened(reply) if reply else None

    async def _ask(self) -> SessionReply:
        with self._progress.under_way.call(self._pusher, "create_session"):
            return await calls.open_session(self._pusher, self._options.task_id)

    async def wait_for_next(self, session: Session, timeout_sec: float | None = None) -> bool:
        """Whether another session took the place of `session`; False after the time, or when the host stops."""
        await self._control.bell.wait_until(lambda: self._control.stopping or self._current is not session, timeout_sec)
        return self._current is not session

    def count_renewal(self) -> int:
        """Note that this session ends; how many right before it lasted less than the longest pause, as it did."""
        hasty = time.monotonic() - self._opened_at < self._options.backoff_max_sec
        self._hasty = self._hasty + 1 if hasty else 0
        return max(self._hasty - 1, 0)

    def _opened(self, reply: SessionReply) -> Session:
        session = Session(reply.session_id, reply.suggested_heartbeat_interval_seconds)
        self._current = session
        self._rivals.opened(session.id)
        self._opened_at = time.monotonic()
        self._progress.pusher_answered()
        self._progress.session_id = session.id
        self._progress.sessions += 1
        self._control.bell.ring()
        _log.info("Session %s of task %s", session.id, self._options.task_id)
        return session
