"""One recording of everything that a source tells, which the checks of events look at together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, MessageSource

AUDIT = "get_audit_iterator"
_recordings: WeakKeyDictionary[SourceSubject, Recording] = WeakKeyDictionary()


@dataclass(frozen=True)
class Recording:
    """The events of each phase, as they came; audits in both dialects."""

    snapshot: tuple[EventBase, ...]
    realtime: tuple[EventBase, ...]
    audit: tuple[EventBase, ...] = ()
    pairs: tuple[EventBase, ...] = ()

    def told(self) -> Iterator[tuple[MessageSource, str, EventBase]]:
        """Every event with its phase and with where it came: `realtime event 3`."""
        phases = {
            "snapshot": (MessageSource.SNAPSHOT, self.snapshot),
            "realtime": (MessageSource.REALTIME, self.realtime),
            "audit": (MessageSource.AUDIT, self.audit),
            "audit (mtime_cache)": (MessageSource.AUDIT, self.pairs),
        }
        for name, (source, events) in phases.items():
            for number, event in enumerate(events):
                yield source, f"{name} event {number}", event

    def rows(self) -> Iterator[tuple[EventBase, str, dict[str, Any]]]:
        """Every row with its event and with where it came."""
        for _, where, event in self.told():
            for number, row in enumerate(event.rows):
                yield event, f"{where}, row {number}", row


def recording(subject: SourceSubject) -> Recording:
    """The subject's recording, made when it is first asked for."""
    if subject not in _recordings:
        _recordings[subject] = _record(subject)
    return _recordings[subject]


def _record(subject: SourceSubject) -> Recording:
    with subject.world() as world, subject.driver(world) as driver:
        paths = [world.create(f"kit-{number}") for number in range(4)]
        if "nest" in world.operations:
            world.create("kit-container/inner/thing")
        with subject.stream(driver) as stream:
            churn(world, paths)
            stream.require([world.create("kit-last")])
        snapshot = tuple(driver.get_snapshot_iterator(batch_size=3))
        audits = _audits(driver) if AUDIT in subject.capabilities else {}
        return Recording(snapshot=snapshot, realtime=tuple(stream.events), **audits)


def churn(world: SourceWorld, paths: list[str]) -> None:
    """Do to `paths` what the World can do: modify the first, rename the second, delete the third.

    Where there are fewer things, fewer of them are touched; the only thing that a source has is modified at most.
    """
    for operation, path in zip(("modify", "rename", "delete"), dict.fromkeys(paths), strict=False):
        if operation not in world.operations:
            continue
        if operation == "rename":
            world.rename(path, "kit-renamed")
        else:
            getattr(world, operation)(path)


def _audits(driver: SourceDriver) -> dict[str, tuple[EventBase, ...]]:
    guide = [item for item in driver.get_audit_iterator() if isinstance(item, EventBase)]
    pairs = [item[0] for item in driver.get_audit_iterator(mtime_cache={}) if isinstance(item, tuple)]
    return {"audit": tuple(guide), "pairs": tuple(event for event in pairs if event is not None)}
