"""Section 5: which committed index a task may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fustor_event_model import EventBase, MessageSource

__all__ = ["Indexes"]


@dataclass
class _Task:
    """The index, where a new snapshot makes older ones forgotten, and where it does not."""

    forgets: bool
    complete: bool = False
    realtime: int = -1
    snapshot: int = -1
    session_realtime: int = -1
    lists: bool = False
    ended: bool = False

    def begin(self) -> None:
        self.session_realtime = -1
        self.lists = self.ended = False

    def push(self, events: Sequence[EventBase], *, end: bool) -> None:
        for event in events:
            if event.message_source is MessageSource.SNAPSHOT and event.rows and not self.ended:
                self._list()
                self.snapshot = max(self.snapshot, event.index)
            elif event.message_source is MessageSource.REALTIME:
                self.session_realtime = max(self.session_realtime, event.index)
                self.realtime = max(self.realtime, event.index)
        if end and not self.ended:
            self._list()
            self.complete = self.ended = True

    def _list(self) -> None:
        if not self.lists:
            self.lists, self.complete = True, False
            if self.forgets:
                self.realtime, self.snapshot = self.session_realtime, -1

    @property
    def committed(self) -> int:
        if not self.complete:
            return -1
        return self.realtime if self.realtime >= 0 else self.snapshot


class Indexes:
    """The committed index of one task."""

    def __init__(self) -> None:
        self._tasks = (_Task(forgets=True), _Task(forgets=False))
        self._announced = False

    def begin(self) -> None:
        """A new session."""
        self._announced = False
        for task in self._tasks:
            task.begin()

    def push(self, events: Sequence[EventBase], phase: str, *, end: bool) -> None:
        """One push."""
        for task in self._tasks:
            task.push(events, end=end)
        if phase == "snapshot" and not events and not end:
            self._announced = True

    @property
    def allowed(self) -> frozenset[int]:
        """What `get_latest_committed_index` may answer now.

        An announced snapshot may already make the task incomplete. A first realtime index of an earlier session may be
        forgotten by a later snapshot, or stay.
        """
        found = frozenset(task.committed for task in self._tasks)
        is_unclear = self._announced and not any(task.lists for task in self._tasks)
        return found | {-1} if is_unclear else found
