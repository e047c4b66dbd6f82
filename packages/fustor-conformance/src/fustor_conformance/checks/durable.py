"""Family U, what is on the disk: crashes inside push, power cuts, names that no directory has yet, full disks."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TypeVar, cast

from fustor_conformance._desk import TIME, Desk, at_desk, told
from fustor_conformance._scenes import in_time
from fustor_conformance.durability.crashes import Destination, batch, first_snapshot
from fustor_conformance.durability.disk import Files, Left
from fustor_conformance.durability.elsewhere import CLOSING, COMMITTING, Said, Step, opening, pushing, room
from fustor_conformance.durability.roots import came_later, directory_of, roots_of
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import WithLogPositions
from fustor_event_model import EventBase, MessageSource

_SNAPSHOT = MessageSource.SNAPSHOT
_MOST = (5, 4, 3)
"""How many moments of a push are tried: after calls that make something visible, durable, and after others."""
_SHOWS = frozenset({"rename", "replace", "link", "commit"})
_CHANGES = frozenset({"fsync", "fdatasync", "flush", "execute", "executemany", "executescript"})
_CUTS = 12
_TRIES = 5
_KILLING_SEC, _ENDING_SEC, _LEAST = 2.0, 1.0, 4
_T = TypeVar("_T")
_TOO_MUCH, _LITTLE = 600_000, 64_000
"""Bytes: of a row that does not fit, and of room that is left."""
_BIG = 2
_FIRST = pushing(*first_snapshot(), source_type="snapshot", is_snapshot_end=True)


@check("U16")
def durable(subject: PusherSubject) -> int:
    """Another process pushes, and dies when push returns, or inside it."""
    with subject.world() as world:
        there = Destination(subject, world)
        chance = random.Random(subject.options.seed)  # noqa: S311 - no secret
        steps = [opening(), _FIRST, pushing(*batch(1), armed=True)]
        *_, pushed = there.run(*steps, boundaries=True).require(steps)
        there.done += [*first_snapshot(), *batch(1)]
        there.require("The process died when push had returned")
        _closed_in_order(there, batch(2))
        for number, point in enumerate(in_time(_points(pushed.calls, chance), _KILLING_SEC, least=_LEAST), start=3):
            steps = [opening(), pushing(*batch(number), armed=True)]
            ended = there.run(*steps, boundaries=True, die_at=point)
            if not ended.was_killed:
                ended.require(steps)
            there.require_going_on(f"The process died inside push, {_named(point)}", batch(number))
        return len(there.done) + _killed_at_the_end(there, chance)


def _closed_in_order(there: Destination, events: list[EventBase]) -> None:
    """Nothing dies: a batch, `close`, the end of the process, and another one that asks."""
    steps = [opening(), pushing(*events), CLOSING]
    there.run(*steps).require(steps)
    there.done += events
    moment = "push and then close had returned, and the process ended in good order"
    there.require_index(moment)
    there.require(moment)


def _killed_at_the_end(there: Destination, chance: random.Random) -> int:
    """A snapshot whose end is torn is complete with its deletions, or not complete."""
    if not (there.keeps_index and there.world.keyed):
        return 0
    steps = [*_snapshot_with_ghost("dry"), *_snapshot_without("dry")]
    *_, before, pushed = there.run(*steps, boundaries=True).require(steps)
    if before.reply != -1:
        return 0
    for number, point in enumerate(in_time(_points(pushed.calls, chance), _ENDING_SEC, least=2)):
        there.run(*_snapshot_with_ghost(number)).require(_snapshot_with_ghost(number))
        there.run(*_snapshot_without(number), boundaries=True, die_at=point)
        asked = [opening(f"kit:{number}"), COMMITTING]
        *_, later = there.run(*asked).require(asked)
        if later.reply != -1 and f"/kit-ghost-{number}" in there.paths():
            raise Broken(f"The process died inside the end of a snapshot, {_named(point)}: complete, and not deleted")
    return 1


def _snapshot_with_ghost(number: int | str) -> list[Step]:
    rows = told(_SNAPSHOT, f"/kit-stays-{number}", f"/kit-ghost-{number}", index=1_000)
    return [opening(f"kit:{number}"), pushing(rows, source_type="snapshot", is_snapshot_end=True)]


def _snapshot_without(number: int | str) -> list[Step]:
    """The next one of the same task, whose end is armed; the index is asked for before it."""
    rows = told(_SNAPSHOT, f"/kit-stays-{number}", index=2_000)
    end = pushing(source_type="snapshot", is_snapshot_end=True, armed=True)
    return [opening(f"kit:{number}"), pushing(rows, source_type="snapshot"), COMMITTING, end]


def _named(point: tuple[str, int]) -> str:
    return f"{point[0]} number {point[1]}"


def _points(calls: Sequence[str], chance: random.Random) -> list[tuple[str, int]]:
    """Some of the moments of a push: each a call, and which of its name it is, from 1. Of a run of equal ones two."""
    seen: Counter[str] = Counter()
    after = [(name, seen[name]) for name in calls if name.startswith("after ") and not seen.update([name])]
    runs = [list(run) for _, run in groupby(after, key=lambda moment: moment[0])]
    moments = [moment for run in runs for moment in (run[:1] if len(run) == 1 else [run[0], run[-1]])]
    ranks: list[list[tuple[str, int]]] = [[], [], []]
    for moment in moments:
        ranks[0 if _call(moment) in _SHOWS else 1 if _call(moment) in _CHANGES else 2].append(moment)
    return [moment for some, most in zip(ranks, _MOST, strict=True) for moment in _some(some, most, chance)]


def _some(moments: Sequence[_T], most: int, chance: random.Random) -> list[_T]:
    return chance.sample(moments, min(len(moments), most))


def _call(moment: tuple[str, int]) -> str:
    return moment[0].removeprefix("after ")


@check("U27")
def pages_on_the_disk(subject: PusherSubject) -> int:
    """What is left when everything that is in memory only goes."""
    if isinstance(subject.make_world(), WithLogPositions):
        return at_desk(subject, _log_positions)
    try:
        return _cuts_after_push(subject, lambda left: left.pages, _unwritten)
    except NotApplicable as reason:
        if not at_desk(subject, _nothing_comes_later):
            raise NotApplicable(str(reason)) from reason
        return 1


async def _log_positions(desk: Desk) -> int:
    """A server's log: what a push wrote lies behind where the log ended before it."""
    session = await desk.start()
    world = cast("WithLogPositions", desk.world)
    await session.end_snapshot(*first_snapshot())
    for number in range(1, _TRIES + 1):
        written, _ = world.log_positions()
        await session.push(*batch(number))
        _, on_disk = world.log_positions()
        if on_disk <= written:
            raise Broken(
                f"push returned, and the log of the destination is on the disk up to {on_disk} only: "
                f"it ended at {written} before the push"
            )
    return _TRIES


async def _nothing_comes_later(desk: Desk) -> int:
    """A server on this machine: what it has only in memory turns up in its files later. 0 where none is found."""
    session = await desk.start()
    await session.end_snapshot(*first_snapshot())
    directory = None
    for number in range(1, _TRIES + 2):
        canary = secrets.token_hex(24)
        await session.push(told(MessageSource.REALTIME, f"/kit-{canary}", index=number * 10))
        if directory is None:
            directory = await asyncio.to_thread(directory_of, canary)
        elif await asyncio.to_thread(came_later, canary, directory):
            raise Broken("push returned, and no file of the destination had what was pushed; one got it later")
        if directory is None:
            return 0
    return _TRIES


def _unwritten(left: Left) -> str:
    return ", ".join(f"{pages} pages of {Path(path).name!r}" for path, pages in left.unwritten.items()) + " not synced"


@check("U28")
def names_on_the_disk(subject: PusherSubject) -> int:
    """What is left when a name goes that its directory does not have yet."""
    return _cuts_after_push(subject, lambda left: left.names, _unnamed)


def _unnamed(left: Left) -> str:
    names = [Path(path).name for path in left.unnamed]
    return f"the directory of {names}, or one above it, not synced since they were made or renamed"


def _cuts_after_push(subject: PusherSubject, what_is_left: Callable[[Left], Files], why: Callable[[Left], str]) -> int:
    with subject.world() as world:
        roots, there = roots_of(world), Destination(subject, world)
        pushes = [first_snapshot(), *map(batch, range(1, 5))]
        steps = [opening(), _FIRST, *(pushing(*events) for events in pushes[1:])]
        said = there.run(*steps, roots=roots.names).require(steps)[1:]
        for number, (events, left) in enumerate(zip(pushes, [one.lefts[-1] for one in said], strict=True), start=1):
            there.done += events
            if (files := what_is_left(left)) != left.now:
                roots.put_back(files)
                moment = f"The power failed when push {number} had returned, with {why(left)}"
                there.require_index(moment)
                there.require(moment)
        _require_sight(said)
        return len(pushes)


def _require_sight(said: Sequence[Said]) -> None:
    if not any(one.lefts[-1].now for one in said):
        raise NotApplicable("The destination has no file below what the configuration names")
    if unseen := [one.unseen for one in said if one.unseen]:
        raise NotApplicable(unseen[0])


@check("U29")
def order_of_writing(subject: PusherSubject) -> int:
    """The power fails inside push."""
    with subject.world() as world:
        roots, there = roots_of(world), Destination(subject, world)
        steps = [opening(), _FIRST, pushing(*batch(1)), pushing(*batch(2), armed=True)]
        said = there.run(*steps, roots=roots.names, boundaries=True).require(steps)
        lefts = list(_different(said[-1].lefts))
        chance = random.Random(subject.options.seed)  # noqa: S311 - no secret
        for left in in_time(_some(lefts, _CUTS, chance), _KILLING_SEC, least=_LEAST):
            roots.put_back(_left(left))
            there.done = [*first_snapshot(), *batch(1)]
            there.require_going_on(f"The power failed inside push, {left.when}", batch(2))
        _require_sight(said[1:])
        return len(lefts)


def _left(left: Left) -> Files:
    """Both: the bytes that are on the disk, under the names that are."""
    return {path: data if path in left.unnamed else left.pages[path] for path, data in left.names.items()}


def _different(lefts: Sequence[Left]) -> Iterator[Left]:
    yield from lefts[:1]
    yield from (later for earlier, later in pairwise(lefts) if _left(earlier) != _left(later))


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
        again = [opening(), room(limit), pushing(*_big(subject)), room(None), pushing(*_big(subject)), COMMITTING]
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
