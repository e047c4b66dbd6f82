"""Families S and A: what is read while it changes, or while the system fails."""

from __future__ import annotations

import asyncio
import posixpath
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import islice
from typing import Any, TypeAlias

from fustor_conformance._reading import Stream, rows_of
from fustor_conformance._scenes import (
    Reading,
    Row,
    after_each_fetch,
    boxed,
    in_time,
    many,
    odd_fields,
    pace,
    read_through,
    unaccounted,
)
from fustor_conformance.checks.audit import items_of
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithInterruption, WithUnreadable
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType, LifecycleSignal

_MORE_THAN_A_PAGE = 1200
_PAGES_SEC = 1.0
_CHANGES = 60
_ROUNDS = 6
_ROUNDS_SEC = 1.5
_FETCHES = 8
_REPORTED_SEC = 0.5
_SOME = 250
_MODIFIED = 1000
_SOME_SEC = 0.3
Fault: TypeAlias = Callable[[], AbstractContextManager[object]]

_THINGS = 40
_THINGS_SEC = 0.5
_GONE_SEC = 0.3


@check("S07")
def whole_while_it_changes(subject: SourceSubject) -> int:
    """More than any page; of what was read already some goes, and other things come before and after it."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = many(world, boxed(world, "kit-many"), _MORE_THAN_A_PAGE, _PAGES_SEC)
        untouched = world.list()
        rows: list[Row] = []
        size = max(2, len(paths) // (2 * _CHANGES))
        for number, event in enumerate(driver.get_snapshot_iterator(batch_size=size)):
            rows += event.rows
            if number < _CHANGES:
                _change(world, event, number, untouched)
        _require_untouched(rows, untouched)
        return len(rows)


def _change(world: SourceWorld, event: EventBase, number: int, untouched: dict[str, Row]) -> None:
    """Something that was just read goes, and something new sorts before or after everything."""
    untouched.pop(world.create(f"{'!zk'[number % 3]}it-new-{number}"), None)
    if "delete" in world.operations:
        going = [row["path"] for row in event.rows if row["path"] in untouched and not row.get("is_directory")]
        for path in going[:1]:
            del untouched[path]
            world.delete(path)


def _require_untouched(rows: list[Row], untouched: dict[str, Row]) -> None:
    """Each of them once, as it is."""
    told = {row["path"]: row for row in rows}
    if lacking := untouched.keys() - told.keys():
        raise Broken(
            f"Others came and went meanwhile, and the snapshot leaves out {len(lacking)} of {len(untouched)} things"
            " that were there all the time",
            *sorted(lacking)[:5],
        )
    twice = Counter(row["path"] for row in rows if not row.get("is_directory"))
    if again := [path for path in untouched if twice[path] > 1]:
        raise Broken(f"Others came and went meanwhile, and the snapshot has {again[:3]} more than once")
    for path, expected in untouched.items():
        if odd := odd_fields(told[path], expected):
            raise Broken(f"{path!r} is reported as {odd}, the world has {expected}", told[path])


@check("S09")
def older_than_realtime(subject: SourceSubject) -> int:
    """Values that change while snapshots are read: what was replaced never carries the later time."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        paths = many(world, lambda number: f"kit-{number}", _SOME, _SOME_SEC)
        stream.require(paths)
        rows: list[Row] = []
        for turn in in_time(range(_ROUNDS), _ROUNDS_SEC, least=2):
            reading = Reading(lambda: rows_of(driver.get_snapshot_iterator()))
            for number in reading.steps(_MODIFIED):
                world.modify(paths[(turn + number * 7) % len(paths)])
            rows += reading.finish()
        rows += _stepped(world, driver, stream) + _fetched(world, driver, stream, paths)
        stream.require([world.create("kit-last")])
        return sum(_require_older(row, told) for row, told in _replaced(rows, stream)) or len(rows)


def _stepped(world: SourceWorld, driver: SourceDriver, stream: Stream) -> list[Row]:
    """A snapshot whose first row was read when others change; the rest is read when the stream has reported that."""
    snapshot = driver.get_snapshot_iterator(batch_size=1)
    rows = list(next(snapshot).rows)
    seen, known = len(stream.events), {row["path"] for row in rows}
    paths = [path for path in world.list() if path not in known][:_CHANGES]
    for path in paths:
        world.modify(path)
    stream.wait_for(lambda events: set(paths) <= {row["path"] for row in rows_of(events[seen:])})
    return rows + rows_of(snapshot)


def _fetched(world: SourceWorld, driver: SourceDriver, stream: Stream, paths: list[str]) -> list[Row]:
    """A snapshot of a driver whose rows change, and are reported, whenever it has fetched some."""
    turn = iter(paths[:_FETCHES])

    def change() -> None:
        if path := next(turn, None):
            began = len(stream.events)
            world.modify(path)
            stream.wait_for(lambda events: path in {row["path"] for row in rows_of(events[began:])}, _REPORTED_SEC)

    return rows_of(after_each_fetch(driver.get_snapshot_iterator, change))


def _replaced(rows: list[Row], stream: Stream) -> Iterator[tuple[Row, Row]]:
    """Rows of a snapshot with the realtime row of the change that replaced their value."""
    changes: dict[str, list[Row]] = {}
    for event in stream.events:
        for row in event.rows if event.event_type is not EventType.DELETE else ():
            changes.setdefault(row["path"], []).append(row)
    for row in rows:
        told = changes.get(row["path"], [])
        same = [place for place, other in enumerate(told) if _content(other) == _content(row)]
        if len(same) == 1 and same[0] + 1 < len(told):
            yield row, told[same[0] + 1]


def _content(row: Row) -> tuple[object, object]:
    return row.get("size"), row.get("record")


def _require_older(row: Row, told: Row) -> int:
    if row["mtime"] > told["mtime"]:
        raise Broken(
            f"{row['path']!r} was replaced at {told['mtime']!r}, and the snapshot has the old value with the later"
            f" mtime {row['mtime']!r}",
            row,
            told,
        )
    return 1


@check("A17")
def audit_meanwhile(subject: SourceSubject) -> int:
    """Others come and go in the same containers while audits of both dialects are read."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = many(world, boxed(world, "kit-box"), _SOME, _SOME_SEC)
        if "nest" in world.operations:
            paths += [world.create("kit-box-0/inner/thing"), world.create("kit-box-1/ü")]
        listed = world.list()
        kept = {path: listed[path] for path in paths if path in listed}
        began = time.monotonic()
        seen = len(audited(driver, None))
        took = time.monotonic() - began
        for turn in in_time(range(_ROUNDS), _ROUNDS_SEC, least=2):
            going = [world.create(_beside(world, turn, number)) for number in range(_CHANGES)]
            reading = Reading(lambda guide=turn % 2: audited(driver, None if guide else {}))  # type: ignore[misc]
            for number in reading.steps(_CHANGES, paced=False):
                pace(took / _CHANGES)
                kept.pop(world.create(_beside(world, turn, _CHANGES + number)), None)
                if "delete" in world.operations:
                    world.delete(going[-1 - number])
            events = reading.finish()
            _require_told(events, kept, guide=bool(turn % 2))
            seen += len(events)
        return seen


def _beside(world: SourceWorld, turn: int, number: int) -> str:
    name = f"other-{turn}-{number}"
    return f"kit-box-{number % 4}/{name}" if "nest" in world.operations else f"kit-{name}"


def audited(driver: SourceDriver, cache: dict[str, float] | None) -> list[EventBase]:
    """The events of one audit, in the dialect of agent 0.8 where there is a cache; the cache stays as it is."""
    return [event for event, _ in items_of(driver, cache) if event is not None]


def _require_told(events: list[EventBase], kept: dict[str, Row], *, guide: bool) -> None:
    """Everything that stayed, or a mark above it; one row a container; the end."""
    rows = rows_of(events)
    if lacking := unaccounted(rows, kept):
        raise Broken(
            f"Others came and went meanwhile, and the audit leaves out {len(lacking)} of {len(kept)} things that"
            " were there all the time",
            *lacking[:5],
        )
    for row in rows:
        if odd := odd_fields(row, kept.get(row["path"], {})):
            raise Broken(f"{row['path']!r} did not change, and the audit reports it as {odd}", row)
    stamps = {row["path"]: row["mtime"] for row in rows if row.get("is_directory") and not row.get("audit_skipped")}
    for row in rows:
        if row.get("parent_mtime") != stamps.get(row["parent_path"], row.get("parent_mtime")):
            raise Broken(f"The parent_mtime of {row['path']!r} is not the mtime in the row of its container", row)
    times = Counter(row["path"] for row in rows if row.get("is_directory"))
    if odd_ones := [path for path, count in times.items() if count > 1]:
        raise Broken(f"Others came and went meanwhile, and {odd_ones[0]!r} has {times[odd_ones[0]]} rows in one audit")
    if lost := {posixpath.dirname(row["path"]) for row in rows} - times.keys() - {""}:
        raise Broken("Others came and went meanwhile, and containers have no row in the audit", *sorted(lost)[:3])
    if guide and events[-1].signal is not LifecycleSignal.AUDIT_END:
        raise Broken("Others came and went meanwhile, and the audit sends no Audit-End", *events[-2:])


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


def _audit(driver: SourceDriver) -> Iterator[EventBase]:
    return (event for event, _ in items_of(driver, batch_size=1) if event is not None)


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
