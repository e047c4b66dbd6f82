"""Families M and S: a root in which nothing is, of a source that is a local directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fustor_conformance._reading import Stream, rows_of
from fustor_conformance._recording import AUDIT
from fustor_conformance.checks.meanwhile import audited
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.histories.exclusions import SUFFIX, excluding
from fustor_conformance.histories.trees import DirectoryHands, hands_if_tree
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType

Row = dict[str, Any]

_AWAY_SEC = 1.0


@check("M20")
def vacant_root(subject: SourceSubject) -> int:
    """The root goes elsewhere for a while, and an empty directory has its name."""
    with subject.world() as world:
        hands = _hands(subject, world)
        params = _strict(subject.config(world).driver_params)
        with (
            subject.driver(world, driver_params=params) as driver,
            subject.stream(driver, after_faults=True) as stream,
        ):
            things = populate(world)
            stream.require(things)
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
        hands = _hands(subject, world)
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


def _hands(subject: SourceSubject, world: SourceWorld) -> DirectoryHands:
    hands = hands_if_tree(world, subject.config(world).uri)
    if hands is None:
        raise NotApplicable("The World is not a local directory")
    return hands


def _strict(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters without one by which the World lets its root be empty."""
    return {name: value for name, value in params.items() if not ("empty" in name and value is True)}


def _passes(subject: SourceSubject, driver: SourceDriver) -> Iterator[tuple[str, Iterable[Row]]]:
    yield "snapshot", rows_of(driver.get_snapshot_iterator())
    if AUDIT in subject.capabilities:
        yield "audit", rows_of(audited(driver, None))
        yield "audit with mtime_cache", rows_of(audited(driver, {}))


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
