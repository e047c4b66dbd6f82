"""Families S and A: what is read while it changes."""

from __future__ import annotations

import posixpath
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from fustor_conformance._moments import after_each_fetch
from fustor_conformance._reading import Stream, rows_of
from fustor_conformance._scenes import Reading, boxed, in_time, many, odd_fields, pace, unaccounted
from fustor_conformance.monitor.opening import without_opening
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, EventType, LifecycleSignal

Row = dict[str, Any]

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
        _require_untouched("the snapshot", rows, untouched)
        return len(rows)


def _change(world: SourceWorld, event: EventBase, number: int, untouched: dict[str, Row]) -> None:
    """Something that was just read goes, and something new sorts before or after everything."""
    untouched.pop(world.create(f"{'!zk'[number % 3]}it-new-{number}"), None)
    if "delete" in world.operations:
        going = [row["path"] for row in event.rows if row["path"] in untouched and not row.get("is_directory")]
        for path in going[:1]:
            del untouched[path]
            world.delete(path)


def _require_untouched(what: str, rows: list[Row], untouched: dict[str, Row]) -> None:
    """Each of them once, as it is."""
    told = {row["path"]: row for row in rows}
    if lacking := untouched.keys() - told.keys():
        raise Broken(
            f"Others came and went meanwhile, and {what} leaves out {len(lacking)} of {len(untouched)} things that"
            " were there all the time",
            *sorted(lacking)[:5],
        )
    twice = Counter(row["path"] for row in rows if not row.get("is_directory"))
    if again := [path for path in untouched if twice[path] > 1]:
        raise Broken(f"Others came and went meanwhile, and {what} has {again[:3]} more than once")
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
    items = driver.get_audit_iterator() if cache is None else driver.get_audit_iterator(mtime_cache=cache)
    events = [item[0] if isinstance(item, tuple) else item for item in without_opening(items)]
    return [event for event in events if event is not None]


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
