"""A source with its consumer: what a host does between the two, one step at a time, to be replayed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Self

from fustor_conformance._reading import Stream, eventually
from fustor_conformance._recording import AUDIT
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_driver.view import View
from fustor_event_model import EventBase

_GRACE_SEC = 1.0


class Consumer:
    """Entered, it has opened a session: a new instance, a stream that is armed, a snapshot that is owed.

    Events of the stream are read as they come and applied when `drain` is called, which is when a host's push returns.
    """

    def __init__(self, subject: SourceSubject, world: SourceWorld) -> None:
        self.view = View()
        self.snapshot_done = False
        self._subject = subject
        self._world = world
        self._sessions = count(1)
        self._markers = count(1)
        self._committed = -1
        self._open = ExitStack()
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

    def _begin(self) -> None:
        self._driver: SourceDriver = self._open.enter_context(self._subject.driver(self._world))
        resumes = self.snapshot_done and self._driver.is_position_available(self._committed)
        start = self._committed if resumes else -1
        self._stream: Stream = self._open.enter_context(self._subject.stream(self._driver, start))
        self.view.begin_session(f"session-{next(self._sessions)}", start)
        self.snapshot_done = resumes
        self._applied = 0
        self._snapshot: Iterator[EventBase] | None = None
        self._audit: Iterator[EventBase] | None = None

    def restart(self) -> None:
        """Stop in the middle of everything and begin again, from the committed index where that is still good."""
        self._open.close()
        self._begin()

    def drain(self) -> None:
        """Apply what the stream has told so far."""
        events = self._stream.events[self._applied :]
        for event in events:
            self.view.apply(event)
            self._committed = max(self._committed, event.index)
        self._applied += len(events)

    def step_snapshot(self) -> None:
        """Apply the next event of the snapshot that is owed; its end, if there is no other."""
        if self.snapshot_done:
            return
        if self._snapshot is None:
            self._snapshot = self._driver.get_snapshot_iterator(batch_size=2)
        event = next(self._snapshot, None)
        if event is not None:
            self.view.apply(event)
            return
        self.view.snapshot_end()
        self.snapshot_done, self._snapshot = True, None

    def finish_snapshot(self) -> None:
        """Apply the rest of the snapshot, and its end."""
        while not self.snapshot_done:
            self.step_snapshot()

    @property
    def audits(self) -> bool:
        """Whether the driver has an audit, and this session may begin one."""
        return AUDIT in self._subject.capabilities and self.snapshot_done

    def step_audit(self) -> None:
        """Apply the next event of an audit in the guide's dialect, a new one if none is under way."""
        if not self.audits:
            return
        if self._audit is None:
            self._audit = _events(self._driver)
        event = next(self._audit, None)
        if event is None:
            self._audit = None
        else:
            self.view.apply(event)

    def finish_audit(self) -> None:
        """Apply the rest of the audit that is under way."""
        while self._audit is not None:
            self.step_audit()

    def run_audit(self) -> None:
        """Apply a whole audit, after the snapshot that is owed."""
        self.finish_snapshot()
        self.finish_audit()
        self.step_audit()
        self.finish_audit()

    def catch_up(self) -> None:
        """Wait until the stream has told all that has happened, and apply it.

        Raises:
            Broken: it does not tell a change made last.
        """
        self._stream.require([self._world.create(f"kit-marker-{next(self._markers)}")])
        self.drain()

    def require_equal(self, when: str) -> int:
        """How many paths of the world were compared with the view, after the stream has caught up.

        Raises:
            Broken: they differ.
        """
        self.catch_up()

        def is_equal() -> bool:
            self.drain()
            return not self._differences()

        if not eventually(is_equal, _GRACE_SEC):
            raise Broken(f"{when} the view differs from the world", *map(str, self._differences()[:5]))
        return len(self._world.list())

    def _differences(self) -> list[object]:
        world = self._world.list()
        has_containers = "nest" in self._world.operations or any(row.get("is_directory") for row in world.values())
        return list(self.view.difference(world, containers=has_containers))


def _events(driver: SourceDriver) -> Iterator[EventBase]:
    for item in driver.get_audit_iterator(batch_size=2):
        if not isinstance(item, EventBase):
            raise Broken("Without mtime_cache an item is no event", item)
        yield item
