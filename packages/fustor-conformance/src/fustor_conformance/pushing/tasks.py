"""Two tasks that share a destination, two sessions of one task: neither changes what is the other's."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fustor_conformance.outcome import Broken
from fustor_conformance.pushing.crowd import fill
from fustor_conformance.pushing.play import Player, Refused, at_work
from fustor_conformance.pushing.seen import Shelf
from fustor_conformance.pushing.steps import Begin, Step, script
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    END,
    audit,
    box,
    found,
    gone,
    now,
    realtime,
    snapshot,
    thing,
)
from fustor_conformance.subject import PusherSubject
from fustor_core.exceptions import DriverError

__all__ = ["superseded", "two_at_once", "two_tasks"]

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
        shelf = Shelf(world)
        player = Player(subject, world, shelf, task="kit:task", root="/kit")
        return asyncio.run(_superseded(player, shelf))


async def _superseded(player: Player, shelf: Shelf) -> int:
    what = "A session goes on after another one of its task was opened, and is taken for another."
    steps = script([*_BEFORE, *_AFTER])
    async with at_work(player, said=lambda seen: f"{what} {seen}, after this:{steps}"):
        for step in _BEFORE:
            await player.do(step)
        await player.open_another()
        try:
            for step in _AFTER:
                await player.do(step)
        except (DriverError, Broken, Refused):
            return 0  # it is obsolete, and the pusher says so
        shelf.read()
        return player.require()
