"""What the World can break while a host reads: a container that cannot be listed, a system that is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from fustor_conformance.histories.audits import Audits
from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken
from fustor_conformance.worlds import WithInterruption, WithUnreadable
from fustor_event_model import EventBase, LifecycleSignal

_AWAY_SEC = 0.3
_BACK_SEC = 20.0


class Faults:
    """Nothing else changes while a fault lasts."""

    def __init__(self, host: Host, audits: Audits) -> None:
        self._host = host
        self._audits = audits

    def refuse(self, what: str, pick: int) -> None:
        """Let a whole snapshot or audit meet a container that cannot be listed; `midway`: after it has begun."""
        world, boxes = self._host.world, self._containers()
        if not boxes or not isinstance(world, WithUnreadable):
            return
        self._host.catch_up()  # a World may have to take rights from the whole process, the stream included
        if what == "snapshot":
            if self._host.snapshot_done:
                self._host.restart_whole()
            self._host.take_snapshot(pick % 2)
            with world.unreadable(boxes[pick % len(boxes)]):
                self._host.finish_snapshot()
            return
        self._host.finish_snapshot()
        self._audits.finish()
        for _ in range(pick % 4):
            self._audits.step(pick, pairs=what == "pairs")
        with world.unreadable(boxes[pick % len(boxes)]):
            self._audits.step(pick, pairs=what == "pairs")
            self._audits.finish()

    def _containers(self) -> list[str]:
        return sorted({path.rpartition("/")[0] for path in self._host.world.list()} - {"", "/"})

    def interrupt(self, what: str, pick: int) -> None:
        """Let the system go away and come back: while nothing is read, or in the middle of a snapshot or an audit."""
        world = self._host.world
        if not isinstance(world, WithInterruption):
            return
        self._host.catch_up()
        if what == "snapshot":
            self._interrupt_snapshot(world, pick)
        elif what in ("audit", "pairs") and self._host.audits:
            self._interrupt_audit(world, pick, pairs=what == "pairs")
        else:
            with world.interrupted():
                threading.Event().wait(_AWAY_SEC)
        self._host.is_quiet = False  # what the stream emits next must still come
        self._host.stream.patience_sec = self._host.subject.options.patience_sec
        self._host.catch_up()

    def _interrupt_snapshot(self, world: WithInterruption, pick: int) -> None:
        if self._host.snapshot_done:
            self._host.restart_whole()
        self._host.take_snapshot(pick % 2)
        if self._host.snapshot_done:
            return
        rest = _Rest(self._host.rest_of_snapshot(pick))
        error = rest.read_while(world.interrupted())
        for event in rest.items:
            self._host.snapshot_event(event)
        if error is None:
            self._host.end_snapshot()
        else:
            self._host.restart_whole()  # what a host does about a snapshot that failed

    def _interrupt_audit(self, world: WithInterruption, pick: int, *, pairs: bool) -> None:
        self._audits.finish()
        for _ in range(1 + pick % 3):
            self._audits.step(pick, pairs=pairs)
        if self._host.audit is None:
            return
        rest = _Rest(self._host.audit)
        error = rest.read_while(world.interrupted())
        for item in rest.items:
            self._audits.take(item)
        if error is None:
            self._audits.end()
            return
        if any(isinstance(item, EventBase) and item.signal is LifecycleSignal.AUDIT_END for item in rest.items):
            raise Broken(f"An audit broke off with {error!r}, and had sent its Audit-End", *rest.items[-2:])
        self._audits.broken()


class _Rest(threading.Thread):
    """Reads an iterator to its end in a thread of its own, so that a fault need not last as long as it blocks."""

    def __init__(self, items: Iterator[Any]) -> None:
        super().__init__(name="conformance-rest", daemon=True)
        self.items: list[Any] = []
        self._iterator = items
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self.items.extend(self._iterator)
        except Exception as err:  # noqa: BLE001 - handed to whoever joins
            self._error = err

    def read_while(self, fault: AbstractContextManager[object]) -> Exception | None:
        """Read to the end; the fault is over after a moment. What the iterator raised.

        Raises:
            Broken: it neither ends nor breaks off.
        """
        with fault:
            self.start()
            self.join(_AWAY_SEC)
        self.join(_BACK_SEC)
        if self.is_alive():
            raise Broken(f"{_BACK_SEC:g} s after the system came back the pass has neither gone on nor failed")
        return self._error
