"""Two tasks that share a destination: neither changes the index or the rows of the other."""

from __future__ import annotations

import asyncio

from fustor_conformance.outcome import Broken
from fustor_conformance.pushing.play import Player
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

__all__ = ["two_tasks"]

_ONE, _OTHER = "one", "other"
_STEPS: tuple[tuple[str, Step], ...] = (
    (_ONE, BEGIN),
    (_ONE, snapshot(box("d"), thing("d/x", 1), thing("f", 2), index=3)),
    (_ONE, END),
    (_ONE, realtime(now(thing("f", 3), index=40))),
    (_OTHER, BEGIN),
    (_OTHER, realtime(now(thing("f", 4), index=5))),
    (_ONE, audit(AUDIT_START)),
    (_OTHER, realtime(now(thing("d", 5), index=6))),
    (_ONE, audit(found(thing("f", 6), box("d", 30, skipped=True), box("", 30)))),
    (_OTHER, realtime(now(thing("f", 7), index=7), gone("d", index=8))),
    (_ONE, audit(AUDIT_END)),
    (_OTHER, snapshot(thing("f", 8, 40), thing("g", 9), thing("d", 10, 40))),
    (_ONE, realtime(now(thing("f", 11), index=41))),
    (_ONE, Begin("new", resumed=True)),
    (_ONE, realtime(now(thing("g", 12), index=42))),
)
"""The other task ends no snapshot: whose rows that would remove, the contract leaves to the store."""


def two_tasks(subject: PusherSubject) -> int:
    """How much was compared.

    Raises:
        Broken: a task has an index or rows that it should not have.
    """
    with subject.world() as world:
        shelf = Shelf(world)
        players = {
            name: Player(subject, world, shelf, task=f"kit:{name}", root=f"/kit-{name}") for name in (_ONE, _OTHER)
        }
        return asyncio.run(_play(players, shelf))


async def _play(players: dict[str, Player], shelf: Shelf) -> int:
    seen = 0
    done: list[Step] = []
    try:
        for name, step in _STEPS:
            done.append(step)
            await players[name].do(step)
            for player in players.values():
                seen += await player.require_index() if player.has_begun else 0
        shelf.read()
        return seen + sum(player.require() for player in players.values())
    except Broken as broken:
        said = f"Two tasks share a destination, and one disturbs the other. {broken.seen}, after this:{script(done)}"
        raise Broken(said, *broken.evidence) from broken
    finally:
        for player in players.values():
            await player.close()
