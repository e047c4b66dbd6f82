"""Section 5: which committed index a task may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from fustor_event_model import EventBase, MessageSource

__all__ = ["Indexes"]


@dataclass
class _Task:
    """The index as one pusher counts it.

    Args:
        forgets: a new snapshot makes older indexes forgotten.
        hears: a snapshot that is announced has begun.
        expects: a session that was told -1 counts for nothing until its own snapshot's end, since its host takes one.
    """

    forgets: bool
    hears: bool
    expects: bool
    complete: bool = False
    realtime: int = -1
    snapshot: int = -1
    session_realtime: int = -1
    lists: bool = False
    ended: bool = False

    def begin(self) -> None:
        if self.expects and self.committed == -1:
            self.complete = False
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

    def announce(self) -> None:
        if self.hears and not self.ended:
            self._list()

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
        self._tasks = [_Task(*choices) for choices in product((True, False), repeat=3)]

    def begin(self) -> None:
        """A new session."""
        for task in self._tasks:
            task.begin()

    def push(self, events: Sequence[EventBase], phase: str, *, end: bool) -> None:
        """One push."""
        for task in self._tasks:
            if phase == "snapshot" and not events and not end:
                task.announce()
            task.push(events, end=end)

    @property
    def allowed(self) -> frozenset[int]:
        """What `get_latest_committed_index` may answer now.

        A snapshot that is announced, or is to be expected, may make the task incomplete before its first row. An index
        of an earlier session may be forgotten by a later snapshot, or stay.
        """
        return frozenset(task.committed for task in self._tasks)
