"""What listens to one iterator of a source: the predicates and state machines of its phase."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fustor_conformance.monitor.bulk import Audit, Snapshot, YoungContainers, pair_of
from fustor_conformance.monitor.calls import raised
from fustor_conformance.monitor.clock import Times
from fustor_conformance.monitor.events import look_at_event
from fustor_conformance.monitor.finding import Finding, Told
from fustor_conformance.monitor.streams import BulkClock, Deletes, Freshness, Indexes, Inserts, Untouched
from fustor_event_model import EventBase, EventType, MessageSource

__all__ = ["PHASES", "Ear", "Hearer", "Instance", "listen"]

PHASES = {
    "get_snapshot_iterator": MessageSource.SNAPSHOT,
    "get_message_iterator": MessageSource.REALTIME,
    "get_audit_iterator": MessageSource.AUDIT,
}


@dataclass
class Instance:
    """What is known of one instance of a driver."""

    bulk: BulkClock = field(default_factory=BulkClock)
    young: YoungContainers = field(default_factory=YoungContainers)
    is_closed: bool = False
    driver: weakref.ref[Any] | None = None

    @property
    def was_stopped(self) -> bool:
        """Whether a host has closed it, or set the event that agents look at."""
        stop = getattr(self.driver() if self.driver else None, "_stop_driver_event", None)
        return self.is_closed or (isinstance(stop, threading.Event) and stop.is_set())

    @property
    def is_transient(self) -> bool:
        """Whether its driver says that it cannot wait and keeps nothing."""
        try:
            return getattr(self.driver() if self.driver else None, "is_transient", False) is True
        except Exception:  # noqa: BLE001 - that the property raises is for C06 to say
            return False


class Hearer(Protocol):
    """Whom an ear belongs to: it keeps what ears find, and knows what they ask about the World and about other ears."""

    fresh: Freshness
    times: Times

    def report(self, *findings: Finding) -> None:
        """Keep these findings."""

    def count(self, counts: Mapping[str, int]) -> None:
        """Note how often rules could have been broken."""

    def look_at_process(self, what: str) -> None:
        """See what is another in the process after `what`."""

    def is_made_once(self, path: str) -> bool:
        """Whether the World has made what is at this path, once, and since then has changed it at most."""

    def quiet_since_now(self) -> Callable[[], bool]:
        """A question: has nothing changed in the system from now on?"""


class Ear:
    """Listens to an iterator without holding it. All calls come from the thread that reads it."""

    label = ""
    phase: MessageSource

    def __init__(self, monitor: Hearer, instance: Instance, keywords: Mapping[str, Any]) -> None:
        self.monitor = monitor
        self.instance = instance
        self.keywords = keywords
        self._number = 0
        self._asked_at = 0.0
        self.begin()

    def begin(self) -> None:
        """The iterator was returned just now."""

    def asked(self) -> None:
        """The next item is asked for."""
        self._asked_at = time.monotonic()

    def heard(self, item: object) -> None:
        """An item was yielded."""
        where = f"{self.label} event {self._number}"
        self._number += 1
        try:
            findings = list(self.look(item, where))
        except Exception as err:  # noqa: BLE001 - an event that raises when it is looked at is what is seen
            findings = [Finding("E01", f"{where} cannot be looked at: {err!r}")]
        self.monitor.report(*findings)

    def ended(self, error: BaseException | None) -> None:
        """The iterator ended, with an error or without."""
        self.monitor.look_at_process(f"{self.label} events were read")
        if error is not None:
            self.monitor.report(*raised(f"the iterator of {self.label} events", error))

    def finish(self) -> None:
        """Nothing more will be heard: say what only shows now."""

    def look(self, item: object, where: str) -> Iterator[Finding]:
        """What is wrong with this item."""
        told = Told(item, self.phase, where, self._batch_size(), self._may_be_empty())
        found, counts = look_at_event(told)
        self.monitor.count(counts)
        yield from found
        if not any(finding.rule_id == "E01" for finding in found):
            yield from self.monitor.fresh.look(told)
            yield from self.monitor.times.look(told)
            rows = len(told.event.rows)
            self.monitor.count({"E10": 1, "E12": rows, "E13": rows})
            yield from self.in_order(told)

    def in_order(self, told: Told) -> Iterator[Finding]:
        """What is wrong with an event after those before it."""
        raise NotImplementedError

    def _batch_size(self) -> int | None:
        size = self.keywords.get("batch_size")
        return size if isinstance(size, int) else None

    def _may_be_empty(self) -> bool:
        return False

    def was_stopped(self) -> bool:
        """Whether the host has stopped or closed what is being read."""
        stop = self.keywords.get("stop_event")
        return self.instance.was_stopped or (isinstance(stop, threading.Event) and stop.is_set())


class _StreamEar(Ear):
    label = "realtime"
    phase = MessageSource.REALTIME

    def begin(self) -> None:
        end = self.keywords.get("end_position")
        self._indexes = Indexes(end if isinstance(end, int) else None)
        self._deletes = Deletes()
        self._inserts = Inserts(self.monitor.is_made_once)

    def in_order(self, told: Told) -> Iterator[Finding]:
        deletes = len(told.event.rows) if told.event.event_type is EventType.DELETE else 0
        database_rows = len(told.event.rows) if told.event.event_schema != "fs" else 0
        self.monitor.count({"I01": 1, "I02": 1, "E14": deletes, "E15": database_rows, "E16": len(told.event.rows)})
        yield from self._indexes.look(told)
        yield from self._inserts.look(told)
        yield from self._deletes.look(told)
        yield from self.instance.bulk.look(told, self._asked_at, time.monotonic())

    def finish(self) -> None:
        self.monitor.report(*self._deletes.finish())

    def _batch_size(self) -> int | None:
        return None

    def _may_be_empty(self) -> bool:
        """The first may protect a source without positions (decision 0203), others show progress that was asked for."""
        return self._number == 1 or "progress_interval" in self.keywords


class _BulkEar(Ear):
    so_far: Snapshot | Audit
    """What is known of the phase so far."""

    def begin(self) -> None:
        self._untouched = Untouched()

    def asked(self) -> None:
        super().asked()
        self._untouched.asked()

    def heard(self, item: object) -> None:
        self.monitor.report(*self._untouched.answered())
        super().heard(item)

    def in_order(self, told: Told) -> Iterator[Finding]:
        self.instance.bulk.note(told, time.monotonic())
        self._untouched.keep(told)
        self.monitor.count({"E16": len(told.event.rows)})
        if told.event.event_type is EventType.INSERT and told.event.rows:
            seen = f"{told.where} is an insert, which says that its rows are new; what is listed is an update"
            yield Finding("E16", seen, told.event)
        yield from self.so_far.look(told)


class _SnapshotEar(_BulkEar):
    label = "snapshot"
    phase = MessageSource.SNAPSHOT

    def begin(self) -> None:
        super().begin()
        self.so_far = Snapshot(self.monitor.quiet_since_now())


class _AuditEar(_BulkEar):
    label = "audit"
    phase = MessageSource.AUDIT
    so_far: Audit

    def begin(self) -> None:
        super().begin()
        self.so_far = Audit(self.monitor.quiet_since_now(), has_brackets=True)

    def look(self, item: object, where: str) -> Iterator[Finding]:
        if isinstance(item, EventBase):
            yield from super().look(item, where)
        else:
            yield Finding("A02", f"{where} is {type(item).__name__}, not an event, without mtime_cache", item)

    def ended(self, error: BaseException | None) -> None:
        super().ended(error)
        found = self.so_far.finish(is_complete=error is None, was_stopped=self.was_stopped())
        self.monitor.report(*found)


class _PairsEar(_AuditEar):
    label = "audit (mtime_cache)"

    def begin(self) -> None:
        super().begin()
        self._is_quiet = self.monitor.quiet_since_now()
        self.so_far = Audit(self._is_quiet, has_brackets=False)
        self._cache: dict[Any, Any] = self.keywords["mtime_cache"]
        self._told_stamps: dict[Any, Any] = {}
        self._before: dict[Any, Any] = {}

    def asked(self) -> None:
        super().asked()
        self._before = dict(self._cache)

    def look(self, item: object, where: str) -> Iterator[Finding]:
        yield from self._written(where)
        event, fault = pair_of(item, where)
        if fault is not None:
            yield fault
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], dict):  # noqa: PLR2004 - a pair
            self._told_stamps.update(item[1])
        if event is not None:
            yield from super().look(event, where)

    def in_order(self, told: Told) -> Iterator[Finding]:
        yield from super().in_order(told)
        yield from self.instance.young.look(told, time.time(), self._is_quiet)

    def _written(self, where: str) -> Iterator[Finding]:
        """A08: entries that nobody can have merged, since they have not been yielded yet."""
        missing = object()
        new = {
            path: mtime
            for path, mtime in dict(self._cache).items()
            if self._before.get(path, missing) != mtime and self._told_stamps.get(path, missing) != mtime
        }
        if new:
            yield Finding("A08", f"Before {where} the audit changed the host's dict itself", new)


def listen(monitor: Hearer, instance: Instance, method: str, keywords: Mapping[str, Any]) -> Ear:
    """An ear for the iterator that this call of `method` gave."""
    kinds: dict[str, type[Ear]] = {"get_message_iterator": _StreamEar, "get_snapshot_iterator": _SnapshotEar}
    audits = _PairsEar if isinstance(keywords.get("mtime_cache"), dict) else _AuditEar
    return kinds.get(method, audits)(monitor, instance, keywords)
