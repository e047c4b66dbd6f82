"""Families M and S: what comes from elsewhere, goes there, or has no content, in a World that can show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fustor_conformance._reading import Stream, last_word, rows_of
from fustor_conformance._recording import AUDIT
from fustor_conformance.checks.meanwhile import audited
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.histories.trees import DirectoryHands, hands_if_tree
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithContents, WithMoves
from fustor_core.drivers import SourceDriver


@check("M25")
def over_the_edge(subject: SourceSubject) -> int:
    """A thing and a container with things in it come from elsewhere, and go there."""
    with subject.world() as world:
        hands = world if isinstance(world, WithMoves) else _hands(subject, world, "moves nothing over its edge")
        with subject.driver(world) as driver, subject.stream(driver) as stream:
            thing, box = hands.move_in("kit-came"), hands.move_in_container("kit-box-came")
            there = [thing, *_at_or_below(world.list(), box)]
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


def _at_or_below(paths: Iterable[str], box: str) -> list[str]:
    return [path for path in paths if path == box or path.startswith(f"{box}/")]


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


def _hands(subject: SourceSubject, world: SourceWorld, why_not: str) -> DirectoryHands:
    """The kit's own hands, for a World that is a local directory and does not do this itself."""
    hands = hands_if_tree(world, subject.config(world).uri)
    if hands is None:
        raise NotApplicable(f"The World {why_not}")
    return hands
