"""The sessions of a run, one after the other."""

from __future__ import annotations

import time

from fustor_driver.hosts.calls import Session, retried
from fustor_driver.hosts.parts import Parts
from fustor_driver.redaction import safe_logger

__all__ = ["Sessions"]

_log = safe_logger("fustor_driver.host")


class Sessions:
    """Opens sessions and knows which one is current."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
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
        session = await retried(self._parts.pusher, self._ask, self._parts.pause, "gave no session")
        if session is not None:
            self._opened(session)
        return session

    async def _ask(self) -> Session:
        pusher, options = self._parts.pusher, self._parts.options
        with self._parts.progress.under_way.call(pusher, "create_session"):
            return await Session.open(pusher, options.task_id, allow_deletions=options.allow_deletions)

    async def wait_for_next(self, session: Session) -> bool:
        """Whether another session took the place of `session`; False when the host stops first."""
        control = self._parts.control
        await control.bell.wait_until(lambda: control.stopping or self._current is not session)
        return self._current is not session

    def count_renewal(self) -> int:
        """Note that this session ends; how many right before it lasted less than the longest pause, as it did."""
        hasty = time.monotonic() - self._opened_at < self._parts.options.backoff_max_sec
        self._hasty = self._hasty + 1 if hasty else 0
        return max(self._hasty - 1, 0)

    def _opened(self, session: Session) -> None:
        progress = self._parts.progress
        self._current = session
        self._parts.rivals.opened(session.id)
        self._opened_at = time.monotonic()
        progress.pusher_answered()
        progress.session_id = session.id
        progress.sessions += 1
        self._parts.control.bell.ring()
        _log.info("Session %s of task %s", session.id, session.task_id)
