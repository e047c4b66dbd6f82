"""Family U, a destination that fails: a disk that is full, and a file whose last write is torn."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from fustor_conformance._desk import TIME, told
from fustor_conformance.durability.crashes import Destination, batch, first_snapshot
from fustor_conformance.durability.disk import Files
from fustor_conformance.durability.elsewhere import Said, Step, committing, opening, pushing, room
from fustor_conformance.durability.roots import roots_of
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.registry import check
from fustor_conformance.subject import PusherSubject
from fustor_event_model import EventBase, MessageSource

_FIRST = pushing(*first_snapshot(), source_type="snapshot", is_snapshot_end=True)
_TOO_MUCH, _LITTLE = 600_000, 64_000
"""Bytes: of a row that does not fit, and of room that is left."""
_BIG = 2


@check("U33")
def full_disk(subject: PusherSubject) -> int:
    """No file grows any more; then there is room again."""
    with subject.world() as world:
        roots, there = roots_of(world), Destination(subject, world)
        steps = [opening(), _FIRST, pushing(*batch(1))]
        there.run(*steps).require(steps)
        there.done += [*first_snapshot(), *batch(1)]
        limit = _LITTLE + max((path.stat().st_size for path in roots.files()), default=0)
        _require_refusal(there, _pushed(there, [opening(), room(limit), pushing(*_big(subject))]))
        moment = "After a push that the full disk refused"
        there.require(moment)
        there.require_index(moment)
        if half := [path for path in _paths(_big(subject)) if path in there.paths()]:
            raise Broken(f"The disk was full, push raised an error, and {half} are there")
        again = [opening(), room(limit), pushing(*_big(subject)), room(None), pushing(*_big(subject)), committing()]
        _require_going_on(there, _pushed(there, again), subject)
        return len(there.done)


def _big(subject: PusherSubject) -> list[EventBase]:
    """A batch with one row that does not fit, which no compression makes fit."""
    text = random.Random(subject.options.seed).randbytes(_TOO_MUCH).hex()  # noqa: S311 - no secret
    easy, *others = batch(_BIG)
    return [
        easy,
        told(MessageSource.REALTIME, "/kit-big", index=21, size=21, mtime=TIME, record={"v": text}),
        *others[1:],
    ]


def _paths(events: Sequence[EventBase]) -> list[str]:
    """The paths of this batch alone."""
    return [event.rows[0]["path"] for event in events[1:]]


def _pushed(there: Destination, steps: Sequence[Step]) -> tuple[Said, ...]:
    ended = there.run(*steps)
    if len(ended.said) < len(steps):
        raise Broken(f"On a full disk the process ended with {ended.status}", ended.complaint)
    return ended.said


def _require_refusal(there: Destination, said: Sequence[Said]) -> None:
    """`RetryableError`: the disk is at fault, and another attempt can mend it."""
    failed = next((one for one in said if one.error), None)
    if failed is None:
        if said[-1].reply.get("refused_rows") or "/kit-big" in there.paths():
            raise NotApplicable("The destination has no file that would have grown")
        raise Broken("The disk was full, and push said success for what is not there", said[-1].reply)
    if "RetryableError" not in failed.error:
        raise Broken(f"A full disk is a {failed.error[0]}, not a RetryableError: {failed.text}", failed.error)


def _require_going_on(there: Destination, said: Sequence[Said], subject: PusherSubject) -> None:
    if said[4].error:
        raise Broken(f"There is room again, and push still fails: {said[4]}")
    there.done += _big(subject)
    there.require("After there was room again")
    if any(there.paths().count(path) != 1 for path in _paths(_big(subject))):
        raise Broken("A batch that failed and was pushed again is there more than once", there.paths())
    there.require_index("After there was room again")


@check("U34")
def torn_tail(subject: PusherSubject) -> int:
    """The last write of a file that grows came to the disk in part."""
    with subject.world() as world:
        roots, there = roots_of(world), Destination(subject, world)
        steps = [opening(), _FIRST, pushing(*batch(1)), pushing(*batch(2))]
        said = there.run(*steps, roots=roots.names).require(steps)
        states = list(_torn(said[-2], said[-1]))
        for moment, files in states:
            roots.put_back(files)
            there.done = [*first_snapshot(), *batch(1)]
            there.require_going_on(moment, batch(2))
        if not states:
            raise NotApplicable("The destination has no file that a push only adds to")
        return len(states)


def _torn(before: Said, after: Said) -> Iterator[tuple[str, Files]]:
    """States with a part of what the second push added, where it added to one file alone."""
    old, new, unsynced = before.lefts[-1].now, after.lefts[-1].now, after.lefts[-1].unwritten
    changed = [path for path in new if new[path] != old.get(path) and path not in unsynced]
    if len(changed) != 1 or not new[changed[0]].startswith(old.get(changed[0]) or b"\0never"):
        return
    begin, end = len(old[changed[0]]), len(new[changed[0]])
    for cut in (begin + 1, (begin + end) // 2, end - 1):
        moment = f"The last {end - begin} bytes of {Path(changed[0]).name!r} were written up to {cut - begin}"
        yield moment, old | {changed[0]: new[changed[0]][:cut]}
