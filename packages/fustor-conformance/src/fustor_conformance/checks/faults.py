"""Families S and A: a snapshot or an audit that meets a fault midway never passes for complete."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import islice
from typing import Any, TypeAlias

from fustor_conformance._reading import rows_of
from fustor_conformance._scenes import boxed, many, read_through, unaccounted
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithInterruption, WithUnreadable
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, LifecycleSignal

Events: TypeAlias = Iterator[EventBase]
Fault: TypeAlias = Callable[[], AbstractContextManager[object]]

_THINGS = 40
_THINGS_SEC = 0.5
_GONE_SEC = 0.3


@check("S08")
def snapshot_fault(subject: SourceSubject) -> int:
    """Refused, or away, after the first row."""
    with subject.world() as world:
        paths = _populate(world)
        seen = 0
        for what, fault, first, changes in _faults(world, paths):
            with subject.driver(world, **changes) as driver:
                events, is_complete = _through(driver.get_snapshot_iterator(batch_size=1), fault, first)
            if is_complete:
                _require_accounted(f"While the snapshot is read, {what}; it", rows_of(events), world)
            seen += len(events)
        return seen


@check("A16")
def audit_breaks_off(subject: SourceSubject) -> int:
    """Refused, away, closed or abandoned after the first row; and the next audit is whole."""
    with subject.world() as world:
        paths = _populate(world)
        seen = 0
        for what, fault, first, changes in _faults(world, paths, needed=False):
            with subject.driver(world, **changes) as driver:
                events, _ = _through(_audit(driver), fault, first)
                if _ended(events):
                    what_ends = f"While the audit is read, {what}; Audit-End comes, and it"
                    _require_accounted(what_ends, rows_of(events), world)
                seen += _require_whole(driver, world, what)
        return seen + _abandoned(subject, world) + _closed(subject, world)


def _populate(world: SourceWorld) -> list[str]:
    return [*many(world, boxed(world, "kit-box"), _THINGS, _THINGS_SEC), world.create("kit-last")]


def _faults(
    world: SourceWorld, paths: list[str], *, needed: bool = True
) -> Iterator[tuple[str, Fault, str, dict[str, Any]]]:
    """What happens, how it is made, the container below which one row comes before it, and another configuration."""
    if isinstance(world, WithUnreadable):
        for container in dict.fromkeys(map(posixpath.dirname, (paths[0], paths[1]))):
            what = f"{container!r} becomes unreadable after one row of it"
            yield what, lambda at=container: world.unreadable(at), container, {}  # type: ignore[misc]
    if isinstance(world, WithInterruption):
        yield "the system goes away for a moment after one row", world.interrupted, "/", {}
        impatient = {"max_retries": 1, "retry_delay_sec": 0.01}
        yield "the system goes away after one row, and is asked once", world.interrupted, "/", impatient
    elif needed and not isinstance(world, WithUnreadable):
        raise NotApplicable("The World declares neither 'unreadable' nor 'interrupted'")


def _through(iterator: Iterator[EventBase], fault: Fault, below: str) -> tuple[list[EventBase], bool]:
    """The events, with the fault after the first row below that container, and whether no DriverError broke it off."""
    inside = f"{below.rstrip('/')}/"
    events: list[EventBase] = []
    for event in iterator:
        events.append(event)
        if any(row["path"].startswith(inside) for row in event.rows):
            break
    reading = read_through(iterator, fault(), _GONE_SEC)
    try:
        return [*events, *reading.finish()], True
    except DriverError:
        return [*events, *reading.items], False


def _require_accounted(what: str, rows: list[dict[str, Any]], world: SourceWorld) -> None:
    if lacking := unaccounted(rows, world.list()):
        raise Broken(
            f"{what} ends as complete, without {len(lacking)} things that are there and below no audit_skipped: true",
            *lacking[:5],
        )


def _audit(driver: SourceDriver) -> Events:
    for item in driver.get_audit_iterator(batch_size=1):
        if not isinstance(item, EventBase):
            raise Broken("Without mtime_cache an item is not an event", item)
        yield item


def _ended(events: list[EventBase]) -> bool:
    return any(event.signal is LifecycleSignal.AUDIT_END for event in events)


def _require_whole(driver: SourceDriver, world: SourceWorld, what: str) -> int:
    """A new audit, after one that broke off."""
    events = list(_audit(driver))
    if not _ended(events) or unaccounted(rows_of(events), world.list()) or _marked(events):
        raise Broken(f"After an audit in which {what}, the next one is not whole", *_marked(events), *events[-2:])
    return len(events)


def _marked(events: list[EventBase]) -> list[dict[str, Any]]:
    return [row for row in rows_of(events) if row.get("audit_skipped")][:3]


def _abandoned(subject: SourceSubject, world: SourceWorld) -> int:
    """Closed by the host as generators are, with what a `finally` would yield; plain iterators are dropped."""
    with subject.driver(world) as driver:
        audit = driver.get_audit_iterator(batch_size=1)
        list(islice(audit, 2))
        if close := getattr(audit, "close", None):
            try:
                close()
            except RuntimeError as err:
                raise Broken("An audit that is abandoned yields something more, from a finally") from err
        return _require_whole(driver, world, "the host lost interest")


def _closed(subject: SourceSubject, world: SourceWorld) -> int:
    """The driver is closed after two items."""
    with subject.driver(world) as driver:
        audit = _audit(driver)
        seen = list(islice(audit, 2))
        asyncio.run(driver.close())
        with suppress(DriverError):
            seen += list(audit)
        if _ended(seen) and unaccounted(rows_of(seen), world.list()):
            raise Broken("The driver is closed, and the audit sends Audit-End without the rest", *seen[-2:])
    with subject.driver(world) as driver:
        return _require_whole(driver, world, "the driver was closed")
