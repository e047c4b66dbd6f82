"""What the World can break while a host reads: a container that cannot be listed, a system that is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from fustor_conformance._scenes import pace, read_through
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
        world = self._host.world
        boxes = sorted({path.rpartition("/")[0] for path in world.list()} - {"", "/"})
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
                pace(_AWAY_SEC)
        self._host.is_quiet = False  # what the stream emits next must still come
        self._host.stream.patience_sec = self._host.subject.options.patience_sec
        self._host.catch_up()

    def _interrupt_snapshot(self, world: WithInterruption, pick: int) -> None:
        if self._host.snapshot_done:
            self._host.restart_whole()
        self._host.take_snapshot(pick % 2)
        if self._host.snapshot_done:
            return
        rest, error = _read_while(world.interrupted(), self._host.rest_of_snapshot(pick))
        for event in rest:
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
        rest, error = _read_while(world.interrupted(), self._host.audit)
        for item in rest:
            self._audits.take(item)
        if error is None:
            self._audits.end()
            return
        if any(isinstance(item, EventBase) and item.signal is LifecycleSignal.AUDIT_END for item in rest):
            raise Broken(f"An audit broke off with {error!r}, and had sent its Audit-End", *rest[-2:])
        self._audits.broken()


def _read_while(fault: AbstractContextManager[object], items: Iterator[Any]) -> tuple[list[Any], Exception | None]:
    """What is left of an iterator, and what it raised; the fault is over after a moment.

    Raises:
        Broken: it neither ends nor breaks off.
    """
    reading = read_through(items, fault, _AWAY_SEC)
    if not reading.ends(_BACK_SEC):
        raise Broken(f"{_BACK_SEC:g} s after the system came back the pass has neither gone on nor failed")
    try:
        return reading.finish(), None
    except Exception as err:  # noqa: BLE001 - a fault that lasts may end a pass with any error
        return reading.items, err
