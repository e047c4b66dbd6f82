"""Other readers beside the host: resumed where it was, bounded, in another process."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fustor_conformance._reading import Stream, eventually, last_word
from fustor_conformance.apart.other_process import NotSeenElsewhere, Rows, ask_elsewhere
from fustor_conformance.histories.host import Host, differences
from fustor_conformance.outcome import Broken
from fustor_conformance.view import View
from fustor_event_model import EventBase, MessageSource

_KEPT = 8


@dataclass(frozen=True)
class _Memory:
    """What a host had when it had committed an index."""

    view: View
    index: int

    def view_of_session(self, session: str) -> View:
        """A copy of the view, for a reader that begins at the index."""
        view = copy.deepcopy(self.view)
        view.begin_session(session, self.index)
        return view


class Readers:
    """Keeps what the host knew at some of its indexes, and reads on from there."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._memories: list[_Memory] = []
        self._markers = 0
        self.resumed = 0
        """How many readers went on from an earlier index."""

    def remember(self) -> None:
        """Keep what the host knows now, with its committed index."""
        host = self._host
        if host.snapshot_done and host.committed > 0 and not (host.lost or host.unlisted):
            self._memories = [*self._memories[-_KEPT:], _Memory(copy.deepcopy(host.view), host.committed)]

    def _available(self, pick: int) -> _Memory | None:
        """A memory whose index the driver says is still good."""
        good = [kept for kept in self._memories if self._host.driver.is_position_available(kept.index)]
        return good[pick % len(good)] if good else None

    def resume(self, pick: int) -> None:
        """Read on from an earlier index with another instance, and compare what that gives with the world.

        Raises:
            Broken: something after the index is missing.
        """
        kept, host = self._available(pick), self._host
        if kept is None:
            return
        view = kept.view_of_session("resumed")
        with host.subject.driver(host.world) as driver, host.subject.stream(driver, kept.index) as stream:
            self._read_on(view, kept.index, stream)
        self.resumed += 1

    def _read_on(self, view: View, index: int, stream: Stream) -> None:
        taken = 0
        stream.require([self._mark()])

        def is_equal() -> bool:
            nonlocal taken
            for event in stream.events[taken:]:
                view.apply(event)
                taken += 1
            return not differences(view, self._host.world)

        if not eventually(is_equal, min(3.0, stream.patience_sec)):
            raise self._incomplete(view, index, "the stream resumed there", stream.events)

    def _mark(self) -> str:
        self._markers += 1
        self._host.is_quiet = False
        return self._host.world.create(f"kit-reader-{self._markers}")

    def _incomplete(self, view: View, index: int, what: str, events: Iterable[EventBase]) -> Broken:
        found = differences(view, self._host.world)
        return Broken(
            f"The driver says that position {index} is available, and what {what} emits is not all: {found[0]}",
            *map(str, found[1:4]),
            *list(events)[:3],
        )

    def bounded(self, pick: int) -> None:
        """Read what lies between two indexes with a reader of its own, beside the stream.

        Raises:
            Broken: it emits too much or too little, does not end, or releases what it has read.
        """
        kept = self._available(pick)
        if kept is None or "end_position" not in self._host.subject.capabilities:
            return
        indexes = [event.index for event in self._host.stream.events if event.index > kept.index]
        end = indexes[-1 - pick % len(indexes)] if indexes else kept.index
        host = self._host
        with host.subject.driver(host.world) as driver:
            with host.subject.stream(driver, kept.index, end_position=end) as stream:
                if not stream.wait_for_end(stream.patience_sec):
                    raise Broken(f"A reader from {kept.index} to end_position {end} does not end", *stream.events[-2:])
            self._require_between(kept.index, end, stream.events)
            if not driver.is_position_available(kept.index):
                raise Broken(f"A reader from {kept.index} with end_position {end} has released what it read")

    def _require_between(self, start: int, end: int, events: list[EventBase]) -> None:
        for event in events:
            if event.index != -1 and not start < event.index <= end:
                raise Broken(f"A reader from {start} to end_position {end} emits index {event.index}", event)
        known = [event for event in self._host.stream.events if event.index > start]
        told, later = last_word(events), last_word(event for event in known if event.index > end)
        for path, there in last_word(event for event in known if event.index <= end).items():
            if there and path not in told and path not in later:
                raise Broken(f"A reader from {start} to end_position {end} leaves out {path!r}", *events[-3:])

    def acknowledge(self) -> None:
        """Tell the driver that all that the host has committed is durable."""
        if self._host.committed > 0 and self._host.snapshot_done:
            self._host.driver.acknowledge(self._host.committed)

    def elsewhere(self, pick: int) -> None:
        """Read on from an earlier index in another process, where the World can be reached from there.

        Raises:
            Broken: something after the index is missing.
        """
        kept = self._available(pick)
        if kept is None:
            return
        job = {"start": kept.index, "paths": [self._mark()]}
        try:
            rows = ask_elsewhere(self._host.subject, self._host.world, [job])[0]
        except NotSeenElsewhere:
            return
        view = kept.view_of_session("elsewhere")
        for event in _events(rows):
            view.apply(event)
        if differences(view, self._host.world):
            raise self._incomplete(view, kept.index, "another process, resumed there,", _events(rows))
        self.resumed += 1


def _events(rows: Rows) -> list[EventBase]:
    """The rows that another process has read, one event each."""
    told = [(row["event_type"], {name: value for name, value in row.items() if name != "event_type"}) for row in rows]
    same: dict[str, Any] = {"event_schema": "", "table": "", "message_source": MessageSource.REALTIME}
    return [EventBase(event_type=kind, fields=list(row), rows=[row], **same) for kind, row in told]
