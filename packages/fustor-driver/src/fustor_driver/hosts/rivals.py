"""Whether another run has the same task at the same pusher: two would take the session from each other without end."""

from __future__ import annotations

import re
import time

from fustor_core.exceptions import DriverError
from fustor_driver.errors import CheckFailed

__all__ = ["Rivals"]

_ANOTHER = re.compile(r"another|superseded|taken over|replaced", re.IGNORECASE)
_FOR_CERTAIN, _LIKELY = 2, 5


class Rivals:
    """Counts the sessions, one after the other, that the pusher gave up without being asked.

    Two in a row, where the pusher says that another session took over, five where it may have forgotten them for
    reasons of its own. A session that lasted begins the count again.
    """

    def __init__(self, pusher_id: str, task_id: str, lasting_sec: float) -> None:
        self._pusher_id = pusher_id
        self._task_id = task_id
        self._lasting_sec = lasting_sec
        self._current: str | None = None
        self._opened_at = 0.0
        self._lost = 0

    def opened(self, session_id: str) -> None:
        """A session of ours is open."""
        self._current, self._opened_at = session_id, time.monotonic()

    def lost(self, session_id: str, err: DriverError) -> None:
        """The pusher says that a session is obsolete.

        Raises:
            CheckFailed: it said so of too many in a row.
        """
        if session_id != self._current:
            return
        self._current = None
        lasted = time.monotonic() - self._opened_at >= self._lasting_sec
        self._lost = 1 if lasted else self._lost + 1
        if self._lost >= (_FOR_CERTAIN if _ANOTHER.search(str(err)) else _LIKELY):
            raise CheckFailed(
                f"The pusher {self._pusher_id!r} gave up {self._lost} sessions in a row: {err}; stop the other run of "
                f"task {self._task_id!r}, or give this one another --task"
            ) from err
