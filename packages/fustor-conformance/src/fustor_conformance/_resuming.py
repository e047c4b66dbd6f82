"""What a stream tells that begins at a position: all that happened after it, in whatever events.

A source may put several changes into one event, and other ones at the next reading: what counts is what the rows say in
the end, not where one event stops and the next one begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fustor_conformance._reading import Stream, last_word, paths_of, while_it_goes_on
from fustor_conformance._recording import churn
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, EventType

_THINGS = 5
_STEPS = 5


def told_once(subject: SourceSubject, world: SourceWorld) -> list[EventBase]:
    """The events of a stream under which things came, changed, moved and went.

    Raises:
        NotApplicable: the driver has no positions.
        Broken: the last change was not delivered.
    """
    with subject.driver(world) as driver:
        _require_positions(driver)
        with subject.stream(driver) as stream:
            paths = [world.create(f"kit-{number}") for number in range(_THINGS)]
            churn(world, paths[:3])
            stream.require([*paths[3:], last := world.create("kit-last")])
            if last in paths:
                require_latest(stream, world, last)
        return _with_positions(stream)


def told_apart(subject: SourceSubject, world: SourceWorld) -> list[EventBase]:
    """The events of a stream under which each change waited until the one before it was delivered.

    Raises:
        NotApplicable: the driver has no positions.
        Broken: a change was not delivered.
    """
    with subject.driver(world) as driver:
        _require_positions(driver)
        with subject.stream(driver) as stream:
            for number in range(_STEPS):
                seen = len(stream.events)
                _require_anew(stream, world.create(f"kit-{number}"), seen)
        return _with_positions(stream)


def told_between(subject: SourceSubject, world: SourceWorld, start: int, end: int) -> list[EventBase]:
    """What a new instance tells from `start` to `end`.

    Raises:
        Broken: its stream does not end.
    """
    with subject.driver(world) as driver, subject.stream(driver, start, end_position=end) as stream:
        seconds = subject.options.patience_sec
        if not while_it_goes_on(lambda: stream.wait_for_end(seconds), lambda: len(stream.events)):
            raise Broken(f"With end_position={end} the stream does not end", *stream.events[-2:])
        return stream.events


def _require_anew(stream: Stream, path: str, seen: int) -> None:
    if not stream.wait_for(lambda events: path in paths_of(events[seen:])):
        raise Broken(f"Not emitted within {stream.patience_sec:g} s: {path!r}", *stream.events[-3:])


def require_latest(stream: Stream, world: SourceWorld, path: str) -> None:
    """Wait until the last row about `path` is what the World lists there; for a source that has one thing.

    Raises:
        Broken: that did not come.
    """

    def is_latest(events: Sequence[EventBase]) -> bool:
        row = last_rows(events).get(path)
        return row is not None and not different(row, world.list().get(path, {}))

    if not stream.wait_for(is_latest):
        row = last_rows(stream.events).get(path)
        raise Broken(f"The last row of {path!r} is not what is there now", row, world.list().get(path))


def last_rows(events: Sequence[EventBase]) -> dict[str, dict[str, Any]]:
    """The last row about each path, deletes aside."""
    upserts = (event for event in events if event.event_type is not EventType.DELETE)
    return {row["path"]: row for event in upserts for row in event.rows}


def different(row: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The names of the fields in which two rows about one thing disagree.

    Times of reading may differ; of records the columns are compared that both have, and sizes where these are all.
    """
    one, two = row.get("record") or {}, other.get("record") or {}
    odd = [f"record.{name}" for name in one.keys() & two.keys() if one[name] != two[name]]
    names = ["is_directory", *(["size"] if one.keys() == two.keys() else [])]
    return sorted(odd + [name for name in names if name in row and name in other and row[name] != other[name]])


def require_rest(subject: SourceSubject, driver: SourceDriver, start: int, after: Sequence[EventBase]) -> Stream:
    """The stream from `start`, which has told what `after` tells, event by event or together.

    Raises:
        Broken: something is left out, told otherwise, or told from before `start`.
    """
    with subject.stream(driver, start) as stream:
        if not stream.wait_for(lambda events: not gap(events, after)):
            left = gap(stream.events, after)
            raise Broken(
                f"Resumed at {start}, the stream does not emit what came after it: {left[:3]} ({len(left)} paths)",
                *stream.events[:3],
            )
        if before := [event for event in stream.events if event.index < start]:
            raise Broken(f"Resumed at {start}, the stream goes back to {before[0].index}", before[0])
    return stream


def gap(events: Sequence[EventBase], expected: Sequence[EventBase]) -> list[str]:
    """What the paths of `expected` lack in `events`, in words; a thing that came and went may be left out."""
    now, wanted = last_word(events), last_word(expected)
    rows, wanted_rows = last_rows(events), last_rows(expected)
    lacking = []
    for path, there in wanted.items():
        if now.get(path, False if path in wanted_rows else None) is not there:
            lacking.append(f"{path} {'is there' if there else 'is gone'}")
        elif there and (odd := different(rows[path], wanted_rows[path])):
            lacking.append(f"{path} has another {', '.join(odd)}")
    return lacking


def _require_positions(driver: SourceDriver) -> None:
    if driver.is_transient:
        raise NotApplicable("The driver says is_transient: nothing can be read again")


def _with_positions(stream: Stream) -> list[EventBase]:
    told = [event for event in stream.events if event.rows]
    if all(event.index == -1 for event in told):
        raise NotApplicable("Every index is -1: the driver has no positions")
    return told
