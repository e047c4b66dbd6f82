"""More than one at once: two pushes, two tasks that share a destination, two sessions of one task."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fustor_conformance.outcome import Broken
from fustor_conformance.pushing.play import Player, Refused, at_work
from fustor_conformance.pushing.seen import Shelf
from fustor_conformance.pushing.steps import Begin, Push, Row, Step, Together, script
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    EMPTY,
    END,
    Sentence,
    audit,
    box,
    found,
    gone,
    listed,
    new,
    now,
    realtime,
    snapshot,
    thing,
)
from fustor_conformance.subject import PusherSubject
from fustor_core.exceptions import DriverError

__all__ = ["at_once", "fill", "hurried", "in_order", "superseded", "two_at_once", "two_tasks"]

_FILL = 12
_EVENTS, _ROWS = 12, 120
_TEXT = "0123456789abcdef" * 128
_SWITCH_SEC = 1e-5
_ONE, _OTHER = "one", "One"
_STEPS: tuple[tuple[str, Step], ...] = (
    (_ONE, BEGIN),
    (_ONE, realtime(now(thing("told", 1, 5)))),
    (_OTHER, BEGIN),
    (_ONE, snapshot(box("d"), thing("d/x", 1), thing("f", 2), thing("told", 9, 20), index=3)),
    (_OTHER, realtime(now(thing("f", 4), index=5))),
    (_ONE, END),
    (_ONE, realtime(now(thing("f", 3), index=40))),
    (_ONE, audit(AUDIT_START)),
    (_OTHER, realtime(now(thing("d", 5), index=6))),
    (_ONE, audit(found(thing("f", 6), thing("told", 9), box("d", 30, skipped=True), box("", 30)))),
    (_OTHER, realtime(now(thing("f", 7), index=7), gone("d", index=8))),
    (_ONE, audit(AUDIT_END)),
    (_OTHER, snapshot(thing("f", 8, 40), thing("g", 9), thing("d", 10, 40))),
    (_ONE, realtime(now(thing("f", 11), index=41))),
    (_ONE, Begin("new", resumed=True)),
    (_ONE, realtime(now(thing("g", 12), index=42))),
)
"""The other task ends no snapshot: whose rows that would remove, the contract leaves to the store."""
_BEFORE: tuple[Step, ...] = (BEGIN, realtime(now(thing("told", 1, 5)), gone("gone", at=5)))
_AFTER: tuple[Step, ...] = (snapshot(thing("told", 9, 20), thing("gone", 9, 20), thing("f", 2)), END)


def at_once(rounds: int) -> Sentence:
    """A task in which realtime meets a snapshot, and then an audit, `rounds` times each."""
    return Sentence(
        "5 push may run twice at once for one task: after two pushes at once, of a snapshot (or an audit) and of"
        " realtime, everything of both is there",
        (
            BEGIN,
            *(step for number in range(rounds) for step in _beside_a_snapshot(number)),
            END,
            Begin("new", resumed=True),
            audit(AUDIT_START),
            *(step for number in range(rounds) for step in _beside_an_audit(number)),
            audit(AUDIT_END),
            Begin("new", resumed=True),
        ),
    )


def _beside_a_snapshot(number: int) -> Iterator[Step]:
    """In the same round each tells of its own paths, and of what the other one told in the round before."""
    before = number - 1
    rows = [thing(f"listed-{number}", 1, 50), *fill(f"filled-{number}")]
    if number:
        rows += [thing(f"told-{before}", 9, 90), thing(f"gone-{before}", 9, 90)]
    told = [new(thing(f"told-{number}", 2), *fill(f"filling-{number}"), index=10 * number + 1)]
    told += [gone(f"gone-{number}", index=10 * number + 2)]
    told += [now(thing(f"listed-{before}", 3, 5), index=10 * number + 3)] if number else []
    yield Together(Push(tuple(told)), Push((listed(*rows),), "snapshot"))


def _beside_an_audit(number: int) -> Iterator[Step]:
    before, index = number - 1, 1_000 + 10 * number
    reported = [thing(f"found-{number}", 4, 50), *fill(f"finding-{number}")]
    if number:
        reported += [thing(f"late-{before}", 9, 90), thing(f"lost-{before}", 9, 90)]
    told = [
        new(thing(f"late-{number}", 5), *fill(f"later-{number}"), index=index + 1),
        gone(f"lost-{number}", index=index + 2),
    ]
    yield Together(realtime(*told), audit(found(*reported)))


def in_order(rounds: int) -> Sentence:
    """Of two pushes at once the one with fewer events lasts longer; an audit that begins later corrects the other."""
    return Sentence(
        "5, 8.3 After two pushes at once both are over and there: nothing that they told counts as told since an"
        " Audit-Start that comes later",
        (*EMPTY, *(step for number in range(rounds) for step in _before_an_audit(number))),
    )


def _before_an_audit(number: int) -> Iterator[Step]:
    first = 1 + number * _EVENTS
    told = [new(thing(f"told-{number}-{place}", 1), index=first + place) for place in range(_EVENTS)]
    reported = [thing(f"reported-{number}-{place}", 2) for place in range(_ROWS)]
    yield audit(AUDIT_START)
    pushes = (realtime(*told), audit(found(*reported)))
    yield Together(*(pushes if number % 2 else reversed(pushes)))
    yield audit(AUDIT_END)
    corrected = found(*(thing(f"told-{number}-{place}", 3, 90) for place in (0, _EVENTS - 1)))
    yield audit(AUDIT_START, corrected, AUDIT_END)


def fill(name: str) -> list[Row]:
    """Rows that make a push last, so that the other one comes in between where it can."""
    return [thing(f"{name}-{number}", number, record={"t": _TEXT}) for number in range(_FILL)]


@contextmanager
def hurried() -> Iterator[None]:
    """While the block runs, threads take turns far more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SEC)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def two_tasks(subject: PusherSubject) -> int:
    """How much was compared: of two tasks with an instance each, and on one instance.

    Raises:
        Broken: a task has an index or rows that it should not have.
    """
    return sum(_two_tasks(subject, shared=shared) for shared in (False, True))


def _two_tasks(subject: PusherSubject, *, shared: bool) -> int:
    with subject.world() as world:
        shelf = Shelf(world)
        instances = [subject.driver(world)] if shared else None
        players = {
            name: Player(subject, world, shelf, task=f"kit:{name}:task", root=f"/kit-{number}", instances=instances)
            for number, name in enumerate((_ONE, _OTHER))
        }
        return asyncio.run(_play(players, shelf, shared=shared))


async def _play(players: dict[str, Player], shelf: Shelf, *, shared: bool) -> int:
    seen = 0
    done: list[Step] = []
    what = "Two tasks share a destination, and one disturbs the other."
    async with at_work(*players.values(), said=lambda seen: f"{what} {seen}, after this:{script(done)}"):
        for name, step in _STEPS:
            done.append(replace(step, instance="same") if shared and isinstance(step, Begin) else step)
            await players[name].do(done[-1])
            for player in players.values():
                seen += await player.require_index() if player.has_begun else 0
            if step is END:  # what goes wrong here, an audit would mend
                shelf.read()
                seen += sum(player.require() for player in players.values())
        shelf.read()
        return seen + sum(player.require() for player in players.values())


def two_at_once(subject: PusherSubject, rounds: int) -> int:
    """How much was compared, where two tasks push at the same time, each through an instance of its own.

    Raises:
        Broken: a row or an index of one is lost.
    """
    with subject.world() as world:
        shelf = Shelf(world)
        players = [Player(subject, world, shelf, task=f"kit:{name}", root=f"/kit-{name}") for name in (_ONE, "other")]
        return asyncio.run(_at_once(players, shelf, rounds))


async def _at_once(players: list[Player], shelf: Shelf, rounds: int) -> int:
    what = "Two tasks push at once, each through an instance of its own, and one disturbs the other."
    async with at_work(*players, said=lambda seen: f"{what} {seen}"):
        for player in players:
            await player.do(BEGIN)
            await player.do(END)
        for number in range(rounds):
            told = [now(*fill(f"x{number}-{place}"), index=10 * number + place) for place in range(1, 3)]
            for player in players:
                player.note(realtime(*told))
            await asyncio.gather(*(player.send(realtime(*told)) for player in players))
        shelf.read()
        seen = sum(player.require() for player in players)
        return seen + sum([await player.require_index() for player in players])


def superseded(subject: PusherSubject) -> int:
    """How much was compared, where a session goes on after another one of its task was opened.

    A pusher may refuse it. One that takes it remembers what the session told before.

    Raises:
        Broken: it takes it for another session, or for a new one.
    """
    with subject.world() as world:
        return asyncio.run(_superseded(Player(subject, world, task="kit:task", root="/kit")))


async def _superseded(player: Player) -> int:
    what = "A session goes on after another one of its task was opened, and is taken for another."
    steps = script([*_BEFORE, *_AFTER])
    async with at_work(player, said=lambda seen: f"{what} {seen}, after this:{steps}"):
        for step in _BEFORE:
            await player.do(step)
        await player.opened()
        try:
            for step in _AFTER:
                await player.do(step)
        except (DriverError, Broken, Refused):
            return 0  # it is obsolete, and the pusher says so
        return player.require_now()
