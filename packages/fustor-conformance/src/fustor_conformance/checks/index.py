"""Families E and I: indexes and the positions that they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fustor_conformance._reading import Stream, last_word, rows_of
from fustor_conformance._recording import churn, watched_for
from fustor_conformance._resuming import gap, require_rest, told_apart, told_between, told_once
from fustor_conformance._scenes import Reading, boxed, many, marks
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase

_BURST = 40
_LOST_POSITIONS = (2**62, 12345, 1, 0, -7)
_BEYOND = 2**40
_RACED = 250
_RACED_SEC = 0.3
_WALKED = 12
_WALKED_AGAIN = 4
_TO_COME = 8
_A_MOMENT_SEC = 0.3


@check("E20")
def above_the_last_instance(subject: SourceSubject) -> int:
    """Two instances, one after the other, each with some changes."""
    with subject.world() as world:
        first, second = (_indexes(subject, world, name) for name in ("kit-first", "kit-second"))
    if first and second and min(second) <= max(first):
        raise Broken(
            f"One instance has delivered indexes up to {max(first)}, and the next one delivers {min(second)}",
            str(first[-5:]),
            str(second[:5]),
        )
    return len(first) + len(second) or 1


def _indexes(subject: SourceSubject, world: SourceWorld, name: str) -> list[int]:
    """Those that a new instance gives to some changes from now on."""
    with subject.driver(world) as driver, subject.stream(driver) as stream:
        stream.require([world.create(f"{name}-{number}") for number in range(5)])
        return [event.index for event in stream.events if event.rows and event.index != -1]


@check("I01")
def strictly_increasing(subject: SourceSubject) -> int:
    """Each above the one before it, or all -1."""
    return len(_burst(subject, "I01", "I02"))  # an index that comes again does not increase either


@check("I02")
def never_twice(subject: SourceSubject) -> int:
    """No index but -1 twice."""
    indexes = _burst(subject, "I02")
    if again := [index for index, times in Counter(indexes).items() if index != -1 and times > 1]:
        raise Broken(f"More than one event has index {again[0]}", str(indexes[:20]))
    return len(indexes)


def _burst(subject: SourceSubject, *rule_ids: str) -> list[int]:
    """The indexes of a burst of events, which the monitor judges meanwhile by these rules."""
    watched = watched_for(subject, *rule_ids)
    with watched, subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        paths = [world.create(f"kit-{number}") for number in range(_BURST)]
        churn(world, paths[:3])
        stream.require([*paths[3:], world.create("kit-last")])
        return [event.index for event in stream.events]


@check("I03")
def resume_anywhere(subject: SourceSubject) -> int:
    """From each delivered index, everything after it."""
    with subject.world() as world:
        told = told_once(subject, world)
        again: list[EventBase] = []
        for number, event in enumerate(told[:_WALKED]):
            with subject.driver(world) as driver:
                if not driver.is_position_available(event.index):
                    raise Broken(f"Index {event.index} was just delivered, yet is_position_available says False", event)
                stream = require_rest(subject, driver, event.index, told[number + 1 :])
                again = again or [one for one in stream.events if one.rows and one.index > event.index]
        _resume_again(subject, world, again)
    return len(told)


def _resume_again(subject: SourceSubject, world: SourceWorld, told: Sequence[EventBase]) -> None:
    """What a resumed stream delivers is a position as well, unless resuming at a later one has released it."""
    for number, event in enumerate(told[:_WALKED_AGAIN]):
        with subject.driver(world) as driver:
            if driver.is_position_available(event.index):
                require_rest(subject, driver, event.index, told[number + 1 :])


@check("I04")
def from_now(subject: SourceSubject) -> int:
    """Nothing of before, everything of after, on an instance that has streamed already too."""
    with subject.world() as world, subject.driver(world) as driver:
        before = _history(world, "kit-before")
        with subject.stream(driver) as stream:
            stream.require([after := world.create("kit-after")])
            seen = _require_nothing_old("With start_position=-1", stream, before - {after})
        before |= _history(world, "kit-between")
        with subject.stream(driver, -1) as stream:
            stream.require([after := world.create("kit-later")])
            return seen + _require_nothing_old("With start_position=-1, opened again,", stream, before - {after})


def _history(world: SourceWorld, name: str) -> set[str]:
    """Paths of things that were made, changed, renamed and deleted."""
    paths = [world.create(f"{name}-{number}") for number in range(3)]
    if "modify" in world.operations:
        world.modify(paths[0])
    if "delete" in world.operations and len(set(paths)) > 1:
        world.delete(paths[2])
    return set(paths)


def _require_nothing_old(what: str, stream: Stream, before: set[str]) -> int:
    if old := [event for event in stream.events if before & {row["path"] for row in event.rows}]:
        raise Broken(f"{what} the stream reports what happened before", *old[:3])
    return len(stream.events)


@check("I05")
def lost_position(subject: SourceSubject) -> int:
    """Starts now: positions that never were, and one that was released."""
    with subject.world() as world, subject.driver(world) as driver:
        before = _history(world, "kit-before")
        released = _release(subject, world, driver, before)
        lost = [position for position in (*released, *_LOST_POSITIONS) if not driver.is_position_available(position)]
        for position in lost:
            try:
                with subject.stream(driver, position) as stream:
                    path = world.create(f"kit-lost-{position}")
                    stream.require([path])
                    _require_nothing_old("it starts elsewhere:", stream, before - {path})
                    before.add(path)
            except Broken as broken:
                raise Broken(f"At the lost position {position}: {broken.seen}", *broken.evidence) from broken
            except NotImplementedError:
                raise
            except Exception as err:
                raise Broken(f"At the lost position {position} it raises {err!r}") from err
    return len(lost)


def _release(subject: SourceSubject, world: SourceWorld, driver: SourceDriver, before: set[str]) -> list[int]:
    """The first of some positions, once the next one was acknowledged; and one that nobody has reached.

    Others are still held: a stream that begins with those does not start now.
    """
    with subject.stream(driver) as stream:
        paths = [world.create(f"kit-released-{number}") for number in range(5)]
        stream.require(paths)
    indexes = [event.index for event in stream.events if event.index > 0]
    before |= set(paths)
    if not indexes:
        return []
    if "acknowledge" in subject.capabilities:
        driver.acknowledge(indexes[len(indexes) // 2])
    return [indexes[0], indexes[-1] + _BEYOND]


@check("I06")
def handover(subject: SourceSubject) -> int:
    """Snapshot beside stream, with changes all along."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = [world.create(f"kit-{number}") for number in range(12)]
        with subject.stream(driver, paused=True) as stream:
            brief = world.create("kit-briefly")
            between = (world.create(f"kit-between-{number}") for number in range(4))
            snapshot = []
            for event in driver.get_snapshot_iterator(batch_size=2):
                snapshot.append(event)
                next(between, None)
            list(between)
            if "delete" in world.operations and brief not in paths:
                world.delete(brief)  # told by the snapshot, gone before the stream is asked for anything
            churn(world, paths[:3])
            stream.require([world.create("kit-last")])
            _require_whole(world, snapshot, stream)
            seen = len(snapshot) + len(stream.events)
    return seen + _raced(subject)


def _raced(subject: SourceSubject) -> int:
    """The same while both are read in threads of their own and changes come all the time."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = many(world, boxed(world, "kit-box"), _RACED, _RACED_SEC)
        with subject.stream(driver) as stream:
            reading = Reading(driver.get_snapshot_iterator)
            for number in reading.steps(_RACED):
                world.create(boxed(world, "kit-box")(_RACED + number))
                if "delete" in world.operations and len(paths) > 1:
                    world.delete(paths.pop(number % len(paths)))
            snapshot = reading.finish()
            stream.require([world.create("kit-last")])
            _require_whole(world, snapshot, stream)
            return len(snapshot) + len(stream.events)


def _require_whole(world: SourceWorld, snapshot: list[EventBase], stream: Stream) -> None:
    def gap(events: Sequence[EventBase]) -> set[str]:
        told = {**dict.fromkeys((row["path"] for row in rows_of(snapshot)), True), **last_word(events)}
        return {path for path, there in told.items() if there and path != "/"} ^ world.list().keys()

    if not stream.wait_past(lambda events: not gap(events), *marks(world)):
        odd, there = sorted(gap(stream.events)), world.list()
        how = (
            "is in the world and in neither"
            if odd and odd[0] in there
            else "was emitted and is gone, and no delete came"
        )
        raise Broken(f"Snapshot and stream together differ from the world: {' '.join(odd[:1])!r} {how}", *odd[1:5])
    low = max((event.index for event in snapshot), default=-1)
    high = min(event.index for event in stream.events)
    if low != -1 and low >= high:
        raise Broken(f"A snapshot's index is {low}, the first realtime index is {high}")


@check("I07")
def bounded_stream(subject: SourceSubject) -> int:
    """All of start < index <= end, then the end."""
    with subject.world() as world:
        told = told_apart(subject, world)
        start, end, last = told[0].index, told[-2].index, told[-1].index
        expected = [event for event in told if start < event.index <= end]
        for bound in {end, end + 1 if end + 1 < last else end}:
            _require_between(told_between(subject, world, start, bound), start, bound, expected)
        return len(expected) + _end_to_come(subject, world, told)


def _end_to_come(subject: SourceSubject, world: SourceWorld, told: Sequence[EventBase]) -> int:
    """The end lies ahead of the log: what comes up to it is delivered, and then the stream ends."""
    start = told[-1].index
    end = start + 2 * max(1, start - told[-2].index)
    with (
        subject.driver(world) as one,
        subject.driver(world) as other,
        subject.stream(one, start) as whole,
        subject.stream(other, start, end_position=end) as bounded,
    ):
        bounded.wait_for(lambda _: False, seconds=_A_MOMENT_SEC)  # in which it may end too early
        for number in range(_TO_COME):
            whole.require([world.create(f"kit-to-come-{number}")])
            if max(event.index for event in whole.events) >= end:
                break
        else:
            return 0
        expected = [event for event in whole.events if event.rows and start < event.index <= end]
        if not bounded.wait_for_end(subject.options.patience_sec):
            raise Broken(f"With end_position={end}, which lay ahead when it began, the stream does not end")
        if left := gap(bounded.events, expected):
            raise Broken(
                f"From {start} to {end}, which lay ahead when it began, the stream ended before what came up to there:"
                f" {left[:3]} ({len(left)} paths)"
            )
        return len(expected)


def _require_between(events: Sequence[EventBase], start: int, bound: int, expected: Sequence[EventBase]) -> None:
    if beyond := [event for event in events if event.rows and not start < event.index <= bound]:
        raise Broken(f"From {start} to {bound} it emits index {beyond[0].index}", beyond[0])
    if left := gap(events, expected):
        raise Broken(f"From {start} to {bound} it does not emit what came between: {left[:3]} ({len(left)} paths)")
