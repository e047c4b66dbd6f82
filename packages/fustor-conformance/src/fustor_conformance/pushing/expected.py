"""What must be stored after a history, and which index may be committed: all readings of the contract, of one mind."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

from fustor_conformance.pushing.flat import READINGS, Flat, RowData
from fustor_conformance.pushing.steps import Begin, Push, Step, Told, events_of
from fustor_conformance.view import View
from fustor_event_model import EventBase, MessageSource

__all__ = ["Expected", "Unfair"]


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

    def push(self, events: Sequence[EventBase], phase: str, *, end: bool) -> None:
        if self.hears and phase == "snapshot" and not events and not self.ended:
            self._list()
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


class Unfair(Exception):  # noqa: N818 - says of a step that it cannot be judged, which is no error
    """A step that no host makes, or after which the contract can be read in two ways."""


class Expected:
    """The state of one task. A step after which two readings differ is refused: no driver is judged by one of them."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._view = View()
        self._flats = [Flat(reading) for reading in READINGS]
        self._tasks = [_Task(*choices) for choices in product((True, False), repeat=3)]
        self._sessions = 0
        self._takes_snapshot = True
        self.is_complete = False
        """Whether this session has brought its snapshot to an end."""
        self.last: dict[str, Push] = {}
        """The last push of each phase in this session."""
        self._skipped: set[str] = set()
        self._audited: set[str] = set()

    @classmethod
    def of(cls, steps: Sequence[Step], root: str) -> Self:
        """The state after some steps; raises as `take` does."""
        state = cls(root)
        for step in steps:
            state.take(step)
        return state

    @property
    def rows(self) -> dict[str, tuple[RowData, ...]]:
        """For every path the rows that may stand there, the newest last."""
        return self._flats[0].rows

    @property
    def implied(self) -> frozenset[str]:
        """Containers that only their contents tell of."""
        return self._view.paths() - self.rows.keys()

    @property
    def indexes(self) -> frozenset[int]:
        """What `get_latest_committed_index` may answer now.

        A snapshot that is announced, or is to be expected, may make the task incomplete before its first row. An index
        of an earlier session may be forgotten by a later snapshot, or stay.
        """
        return frozenset(task.committed for task in self._tasks)

    @property
    def can_resume(self) -> bool:
        """Whether a host would resume: there is an index, whatever the pusher forgets."""
        return min(self.indexes) > 0

    @property
    def may_list(self) -> bool:
        """Whether a snapshot of this session is under way."""
        return self._takes_snapshot and not self.is_complete

    @property
    def may_audit(self) -> bool:
        """Whether a host would audit now."""
        return self.is_complete or not self._takes_snapshot

    def take(self, step: Step) -> None:
        """Go on by one step; after an error this state is of no use any more.

        Raises:
            Unfair: no host makes this step now, or the contract can be read in two ways.
        """
        if isinstance(step, Begin):
            self._begin(step)
        elif isinstance(step, Push):
            self._push(step)
        else:
            other = deepcopy(self)
            for push in (step.second, step.first):
                other._push(push)  # noqa: SLF001 - another state of the same kind
            for push in (step.first, step.second):
                self._push(push)
            if self.rows != other.rows or self.indexes != other.indexes:
                raise Unfair("the order of two pushes at once matters")

    def _begin(self, step: Begin) -> None:
        if step.resumed and not self.can_resume:
            raise Unfair("nothing to resume from")
        self._sessions += 1
        self._view.begin_session(f"kit-{self._sessions}", min(self.indexes) if step.resumed else -1)
        for flat in self._flats:
            flat.begin()
        for task in self._tasks:
            task.begin()
        self._takes_snapshot = not step.resumed
        self.is_complete = False
        self.last.clear()
        self._skipped.clear()

    def _push(self, push: Push) -> None:
        self._require_host(push)
        events = events_of(push, self._root)
        for event in events:
            self._view.apply(event)
        if push.end:
            self._view.snapshot_end()
        for flat in self._flats:
            flat.push(events, end=push.end)
        for task in self._tasks:
            task.push(events, push.phase, end=push.end)
        self.is_complete = self.is_complete or push.end
        for told in push.events:
            self.last.pop(told.source.value, None)  # what a phase's last batch is, pushers see by its events too
        self.last[push.phase] = push
        self._require_one_mind()

    def _require_host(self, push: Push) -> None:
        if not self._sessions:
            raise Unfair("no session")
        if push.again and (push.phase not in self.last or self.last[push.phase].events != push.events):
            raise Unfair("a host repeats its last push of a phase only")
        sources = {event.source for event in push.events if event.rows}
        if MessageSource.SNAPSHOT in sources and not self._takes_snapshot:
            raise Unfair("a session that resumed takes no snapshot")
        if push.end and not (self._takes_snapshot and (push.again or not self.is_complete)):
            raise Unfair("a snapshot ends once")
        for event in push.events:
            if event.source is MessageSource.AUDIT:
                self._require_audit(event, again=push.again)
            elif event.source is MessageSource.SNAPSHOT:
                self._require_snapshot(event, again=push.again)

    def _require_audit(self, event: Told, *, again: bool) -> None:
        if not self.may_audit:
            raise Unfair("no audit before the end of the snapshot")
        if event.signal is not None:
            self._audited.clear()
        paths = {row.path for row in event.rows}
        if not again and (len(paths) < len(event.rows) or paths & self._audited):
            raise Unfair("an audit reports a path once")
        self._audited |= paths

    def _require_snapshot(self, event: Told, *, again: bool) -> None:
        for row in event.rows:
            if row.path in self._skipped and not row.skipped and not again:
                raise Unfair("a container that could not be listed stays marked")
            if row.skipped:
                self._skipped.add(row.path)

    def _require_one_mind(self) -> None:
        seen = self._flats[0].latest()
        told = {path: row for path, row in self._view.rows().items() if row["mtime"] is not None}
        if any(flat.latest() != seen for flat in self._flats[1:]) or told != _plain(seen):
            raise Unfair("the contract can be read in two ways")


def _plain(rows: dict[str, RowData]) -> dict[str, dict[str, Any]]:
    return {
        path: {name: value for name, value in row.items() if name != "message_source"} for path, row in rows.items()
    }
