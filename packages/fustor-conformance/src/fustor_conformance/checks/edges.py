"""Families M and S: what comes from elsewhere, goes there, or has nothing in it, the root too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fustor_conformance._paths import at_or_below
from fustor_conformance._reading import Stream, last_word, rows_of
from fustor_conformance._recording import AUDIT
from fustor_conformance.checks.meanwhile import audited
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.histories.exclusions import SUFFIX, excluding
from fustor_conformance.histories.trees import DirectoryHands, hands_if_tree
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithContents, WithMoves
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType

_AWAY_SEC = 1.0


@check("M25")
def over_the_edge(subject: SourceSubject) -> int:
    """A thing and a container with things in it come from elsewhere, and go there."""
    with subject.world() as world:
        hands = world if isinstance(world, WithMoves) else _hands(subject, world, "moves nothing over its edge")
        with subject.driver(world) as driver, subject.stream(driver) as stream:
            thing, box = hands.move_in("kit-came"), hands.move_in_container("kit-box-came")
            there = [thing, *at_or_below(world.list(), box)]
            _require(stream, there, "were moved into the source, and the stream does not report them", come=True)
            hands.move_out(thing)
            hands.move_out(box)
            _require(stream, there, "were moved out of the source, and the stream does not delete them", come=False)
            return len(stream.events)


def _require(stream: Stream, paths: Sequence[str], what: str, *, come: bool) -> None:
    """Wait for the last word about each of the paths. Raises Broken where it does not come."""

    def missing() -> list[str]:
        told = last_word(stream.events)
        return [path for path in paths if told.get(path) is not come]

    if not stream.wait_for(lambda _: not missing()):
        raise Broken(f"{missing()[:5]} {what}", *stream.events[-3:])


@check("S25")
def without_content(subject: SourceSubject) -> int:
    """One thing that never had content, among others."""
    with subject.world() as world:
        hands = world if isinstance(world, WithContents) else _hands(subject, world, "has nothing without content")
        populate(world)
        path = hands.empty("kit-without-content")
        with subject.driver(world) as driver:
            return sum(_require_row(name, rows, path) for name, rows in _passes(subject, driver))


def _passes(subject: SourceSubject, driver: SourceDriver) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    yield "snapshot", rows_of(driver.get_snapshot_iterator())
    if AUDIT in subject.capabilities:
        yield "audit", rows_of(audited(driver, None))
        yield "audit with mtime_cache", rows_of(audited(driver, {}))


def _require_row(name: str, rows: Iterable[dict[str, Any]], path: str) -> int:
    told = [row["path"] for row in rows]
    if path not in told:
        raise Broken(f"{path!r} is there and has no content, and the {name} has no row of it")
    return len(told)


@check("M20")
def vacant_root(subject: SourceSubject) -> int:
    """The root goes elsewhere for a while, and an empty directory has its name."""
    with subject.world() as world:
        hands = _hands(subject, world, "is not a local directory")
        params = _strict(subject.config(world).driver_params)
        with (
            subject.driver(world, driver_params=params) as driver,
            subject.stream(driver, after_faults=True) as stream,
        ):
            stream.require(populate(world))
            began = len(stream.events)
            with hands.vacant():
                stream.wait_for(lambda events: bool(_deletes(events[began:])), seconds=_AWAY_SEC)
            return _require_nothing_gone(world, stream, began)


def _require_nothing_gone(world: SourceWorld, stream: Stream, began: int) -> int:
    try:
        stream.require([world.create("kit-back")])
    except DriverError:
        return len(stream.events)  # it has tried as often as the World configures; nothing was deleted
    finally:
        if gone := _deletes(stream.events[began:]):
            raise Broken(
                "An empty directory stood in the root's place, and the stream deletes what is there", *gone[:3]
            )
    return len(stream.events)


def _deletes(events: Sequence[EventBase]) -> list[EventBase]:
    return [event for event in events if event.event_type is EventType.DELETE]


@check("S20")
def empty_root(subject: SourceSubject) -> int:
    """Emptied under an instance that has listed it, found empty by a new one, and with what is excluded alone in it."""
    with subject.world() as world:
        hands = _hands(subject, world, "is not a local directory")
        params = _strict(subject.config(world).driver_params)
        with subject.driver(world, driver_params=params) as driver:
            populate(world)
            seen = sum(len(list(rows)) for _, rows in _passes(subject, driver))
            hands.clear()
            seen += _require_marks(subject, driver, "The root was emptied")
        with subject.driver(world, driver_params=params) as driver:
            seen += _require_marks(subject, driver, "The root is empty")
        return seen + _excluded_alone(subject, world, hands)


def _excluded_alone(subject: SourceSubject, world: SourceWorld, hands: DirectoryHands) -> int:
    try:
        params = _strict(excluding(subject, world).get("driver_params") or {})
    except NotApplicable:
        return 0
    hands.empty(f"kit{SUFFIX}")
    with subject.driver(world, driver_params=params) as driver:
        return _require_marks(subject, driver, "Nothing but what is excluded is in the root")


def _strict(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters without one by which the World lets its root be empty."""
    return {name: value for name, value in params.items() if not ("empty" in name and value is True)}


def _require_marks(subject: SourceSubject, driver: SourceDriver, what: str) -> int:
    """A mark in each pass; one that breaks off with a DriverError claims nothing."""
    seen = 0
    try:
        for name, rows in _passes(subject, driver):
            told = [row for row in rows if row["path"] == "/"]
            if not any(row.get("audit_skipped") is True for row in told):
                raise Broken(f"{what}, and the {name} has no row of '/' with audit_skipped: true", *told)
            seen += 1
    except DriverError:
        seen += 1
    return seen


def _hands(subject: SourceSubject, world: SourceWorld, why_not: str) -> DirectoryHands:
    """The kit's own hands, for a World that is a local directory and does not do this itself."""
    hands = hands_if_tree(world, subject.config(world).uri)
    if hands is None:
        raise NotApplicable(f"The World {why_not}")
    return hands
