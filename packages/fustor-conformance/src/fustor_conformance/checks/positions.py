"""Families C and I: positions that are granted, asked for, released, bounded, guessed, and told in between."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from fustor_conformance._reading import Stream, eventually, paths_of
from fustor_conformance._resuming import require_rest, told_between, told_once
from fustor_conformance._scenes import whatever_it_raises
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithHolding
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, EventType

_IDLE_SEC = 0.2
_RELEASED_SEC = 5.0
_TIMES = ("mtime", "modified_time", "parent_mtime")
_NEVER_POSITIONS = (-1, -(2**63), 2**62, 2**80)
_SMALL_POSITIONS = (1, 12345)


@check("C07")
def position_truths(subject: SourceSubject) -> int:
    """False where something could be missing, and never an exception."""
    with subject.configured() as config, subject.instance(config) as instance:
        is_from_zero = instance.is_position_available(0) is True and subject.world_factory is not None
        positions = (
            *_NEVER_POSITIONS,
            *(_SMALL_POSITIONS if instance.is_transient else ()),
            *(() if is_from_zero else (0,)),
        )
        for position in positions:
            if (answer := instance.is_position_available(position)) is not False:
                raise Broken(f"is_position_available({position}) gives {answer!r}, not False")
        if not isinstance(answer := instance.is_position_available(1), bool):
            raise Broken(f"is_position_available(1) gives {answer!r}, not a bool")
        granted = [position for position in _SMALL_POSITIONS if instance.is_position_available(position) is True]
    seen = len(positions) + len(_SMALL_POSITIONS)
    if instance.is_transient and subject.world_factory is not None:
        seen += _require_none_granted(subject)
    if granted and subject.world_factory is not None:
        seen += _require_indexes(subject, granted[0])
    return seen + (_require_all_from_zero(subject) if is_from_zero else 0)


def _require_indexes(subject: SourceSubject, granted: int) -> int:
    """A source that grants a position has some: an index that is -1 can be resumed from nowhere."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        if "create" not in world.operations:
            return 0
        stream.require([world.create("kit-one")])
        told = [event for event in stream.events if event.rows]
        if all(event.index == -1 for event in told):
            raise Broken(
                f"is_position_available({granted}) gives True, so that a host takes no snapshot, and every index is -1:"
                " there is no position to resume from",
                *told[:2],
            )
        return len(told)


def _require_none_granted(subject: SourceSubject) -> int:
    """Not even what was delivered a moment ago, nor the end of the log."""
    with subject.world() as world, subject.driver(world) as driver:
        positions = _delivered(subject, world, driver)
        for position in positions:
            if driver.is_position_available(position):
                raise Broken(
                    f"is_transient is True, as of a source that keeps nothing, and is_position_available({position}),"
                    " which was delivered, gives True"
                )
    return len(positions)


def _delivered(subject: SourceSubject, world: SourceWorld, driver: SourceDriver) -> set[int]:
    """The indexes of a change or two."""
    if "create" not in world.operations:
        return set()
    with whatever_it_raises(), subject.stream(driver) as stream:
        path = world.create("kit-transient")
        stream.wait_for(lambda events: path in paths_of(events))
        return {event.index for event in stream.events}
    return set()


def _require_all_from_zero(subject: SourceSubject) -> int:
    """0 is what agents ask where nothing is committed: whoever grants it needs no snapshot, and tells everything."""
    with subject.world() as world:
        if "create" in world.operations:
            for number in range(3):
                world.create(f"kit-{number}")
        with subject.driver(world) as driver:
            if driver.is_position_available(0) is not True:
                return 0
            with subject.stream(driver, 0) as stream:
                there = {path for path, row in world.list().items() if not row.get("is_directory")}
                if not stream.wait_for(lambda events: there <= paths_of(events)):
                    raise Broken(
                        "is_position_available(0) gives True, so that a host takes no snapshot, and the stream from 0"
                        " does not tell all that is there",
                        *sorted(there)[:3],
                    )
                return len(there)


@check("I08")
def latest_position(subject: SourceSubject) -> int:
    """At or above everything committed, and a position to go on from."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        if not isinstance(empty := driver.get_latest_position(), int) or empty < 0:
            raise Broken(f"get_latest_position gives {empty!r}, which is not a position")
        old = [world.create(f"kit-{number}") for number in range(3)]
        stream.require(old)
        latest, highest = driver.get_latest_position(), max(event.index for event in stream.events)
        if latest < highest:
            raise Broken(f"get_latest_position gives {latest}, index {highest} was delivered before")
        with subject.driver(world) as other:
            if (again := other.get_latest_position()) < highest:
                raise Broken(f"get_latest_position of another instance gives {again}, index {highest} was delivered")
            return len(stream.events) + _from_latest(subject, world, other, old)


def _from_latest(subject: SourceSubject, world: SourceWorld, driver: SourceDriver, old: list[str]) -> int:
    """A stream that starts at the latest position has what comes after it, and nothing else."""
    latest = driver.get_latest_position()
    late = world.create("kit-late")
    with subject.stream(driver, latest) as stream:
        stream.require([late, world.create("kit-later")])
        if known := [event for event in stream.events if (set(old) - {late}) & paths_of([event])]:
            raise Broken(f"Started at the latest position, {latest}, the stream repeats what was before it", *known)
        return len(stream.events)


@check("I09")
def acknowledgement(subject: SourceSubject) -> int:
    """Never raises, never releases what was not acknowledged."""
    with subject.world() as world:
        told = told_once(subject, world)
        middle = told[len(told) // 2].index
        with subject.driver(world) as driver:
            with ThreadPoolExecutor(max_workers=4) as pool:
                answers = [pool.submit(driver.acknowledge, index) for index in (middle, middle, told[0].index, -1)]
            if errors := [error for answer in answers if (error := answer.exception())]:
                raise Broken("acknowledge raises", *errors)
            if not driver.is_position_available(middle):
                raise Broken(f"Acknowledged up to {middle}, the stream can no longer be resumed there")
            require_rest(subject, driver, middle, [event for event in told if event.index > middle])
        with subject.driver(world) as driver:
            if driver.is_position_available(told[0].index):
                require_rest(subject, driver, told[0].index, told[1:])
        _require_released(subject, world, told)
        with subject.driver(world) as driver, subject.stream(driver) as stream:
            for unknown in (0, -5):
                driver.acknowledge(unknown)
            stream.require([world.create("kit-after-all")])
    return len(told)


def _require_released(subject: SourceSubject, world: SourceWorld, told: list[EventBase]) -> None:
    """With everything acknowledged less is held back than before, where the World can say how much that is."""
    if not isinstance(world, WithHolding):
        return
    held, last = world.held(), told[-1].index
    with subject.driver(world) as driver:
        driver.acknowledge(last)
        if held and not eventually(lambda: world.held() < held, _RELEASED_SEC):
            raise Broken(
                f"Everything up to {last} was acknowledged, and after {_RELEASED_SEC:g} s the system holds back as much"
                f" as before ({held}): acknowledge releases nothing, and what is held back grows for ever"
            )


@check("I10")
def bounded_releases_nothing(subject: SourceSubject) -> int:
    """After a bounded reader has read everything, another instance still resumes where it started."""
    with subject.world() as world:
        told = told_once(subject, world)
        start, end = told[0].index, told[-1].index
        told_between(subject, world, start, end)
        with subject.driver(world) as driver:
            if not driver.is_position_available(start):
                raise Broken(f"A bounded reader read from {start} to {end}, and {start} is no longer available")
            with subject.stream(driver, start) as stream:
                _require_paths(f"After a bounded reader, resumed at {start}", stream, told[1:])
    return len(told)


def _require_paths(what: str, stream: Stream, after: Iterable[EventBase]) -> None:
    wanted = paths_of(after)
    if not stream.wait_for(lambda events: wanted <= paths_of(events)):
        raise Broken(f"{what}, the stream leaves out", *sorted(wanted - paths_of(stream.events))[:3])


@check("I11")
def start_in_between(subject: SourceSubject) -> int:
    """Positions between two delivered indexes, as other readers of the same log have them."""
    with subject.world() as world:
        told = told_once(subject, world)
        gaps = [place for place, (one, other) in enumerate(pairwise(told), 1) if other.index > one.index + 1 > 0]
        for place in gaps[:3]:
            position = told[place].index - 1
            after = (
                told[place:] if len(told[place].rows) == 1 else told[place + 1 :]
            )  # of a merged event some is before
            with subject.driver(world) as driver:
                if driver.is_position_available(position):
                    with subject.stream(driver, position) as stream:
                        _require_paths(f"Started at {position}, between two indexes", stream, after)
    return len(told)


@check("I12")
def progress(subject: SourceSubject) -> int:
    """Events without rows while nothing happens; their index is a position that nothing below it was missed at."""
    with subject.world() as world, subject.driver(world) as driver:
        if driver.is_transient:
            raise NotApplicable("The driver says is_transient: it has no positions")
        with subject.stream(driver, progress_interval=_IDLE_SEC) as stream:
            stream.require([world.create("kit-first")])
            place = len(stream.events)
            if not stream.wait_for(lambda events: any(not event.rows for event in events[place:])):
                raise Broken(f"With progress_interval={_IDLE_SEC} an idle stream yields no event without rows")
            idle = next(event for event in stream.events[place:] if not event.rows)
            late = world.create("kit-late")
            stream.require([late])
        _require_safe(stream.events, idle)
        with subject.driver(world) as other:
            if other.is_position_available(idle.index):
                with subject.stream(other, idle.index) as again:
                    again.require([late])
        return len(stream.events)


def _require_safe(events: list[EventBase], idle: EventBase) -> None:
    place = next(place for place, event in enumerate(events) if event is idle)
    before = max((event.index for event in events[:place]), default=-1)
    after = [event for event in events[place + 1 :] if event.rows and event.index <= idle.index]
    if idle.index < 0 or idle.index < before or after:
        raise Broken(f"An event without rows says {idle.index} is passed, which is below {before} or not true", *after)


@check("I13")
def replay(subject: SourceSubject) -> int:
    """One range, read by an instance, and by another one after something came behind it."""
    with subject.world() as world:
        told = told_once(subject, world)
        start, end = told[0].index, told[-1].index
        if start == end:
            raise NotApplicable("One event has all that happened: nothing lies between two positions")
        first = _between(subject, world, start, end)
        world.create("kit-behind")  # which no endless stream may read: one that begins at `end` may release the range
        again = _between(subject, world, start, end)
        if odd := sorted(path for path in first.keys() | again.keys() if first.get(path) != again.get(path)):
            what = f"From {start} to {end}, a second reading says otherwise than the first one of {len(odd)} paths"
            raise Broken(what, first.get(odd[0]), again.get(odd[0]))
        return len(first)


def _between(subject: SourceSubject, world: SourceWorld, start: int, end: int) -> dict[str, dict[str, Any]]:
    """The last row of each path in a range, with what became of it: a source may put changes together otherwise.

    Times of reading may differ, and so may a container in which something is made meanwhile. Source: decision 0211.
    """
    return {
        row["path"]: {name: value for name, value in row.items() if name not in _TIMES}
        | {"is_there": event.event_type is not EventType.DELETE}
        for event in told_between(subject, world, start, end)
        for row in event.rows
        if not row.get("is_directory")
    }
