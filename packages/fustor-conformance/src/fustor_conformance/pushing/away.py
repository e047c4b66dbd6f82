"""A destination that goes away while a pusher lives, and comes back as it was."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from fustor_conformance.durability.roots import roots_of
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.pushing.play import Player, at_work
from fustor_conformance.pushing.steps import Begin, Push, Step, script
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    END,
    audit,
    box,
    found,
    gone,
    new,
    now,
    realtime,
    snapshot,
    thing,
)
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import PusherWorld, WithInterruption
from fustor_core.exceptions import DriverError, RetryableError

__all__ = ["away"]

_PATIENCE_SEC = 30.0
_Round: TypeAlias = tuple[tuple[Step, ...], Push, tuple[Step, ...]]
_ROUNDS: tuple[_Round, ...] = (
    (
        (
            BEGIN,
            snapshot(box("d"), thing("d/x", 1), thing("f", 2), thing("old", 2), index=3),
            END,
            realtime(now(thing("f", 4), index=10)),
        ),
        realtime(new(thing("g", 5), index=11), gone("d", index=12), now(thing("f", 6), index=13)),
        (realtime(now(thing("h", 7), index=14)),),
    ),
    (
        (
            Begin("same"),
            realtime(now(thing("told", 8, 5), index=15)),
            snapshot(thing("f", 9, 40)),
        ),
        snapshot(thing("g", 10, 40), thing("told", 11, 40)),
        (END,),
    ),
    (
        (audit(AUDIT_START), audit(found(thing("f", 12, 50))), realtime(now(thing("told", 13), index=16))),
        audit(found(thing("g", 14, 50), thing("told", 15, 50), box("", 50))),
        (audit(AUDIT_END),),
    ),
)
"""Steps, the push during which the destination is away, steps: among changes, in a snapshot, in an audit."""


def away(subject: PusherSubject, *, replaced: bool) -> int:
    """How much was compared, of every way in which this destination can go; 0 where it cannot be made to.

    Args:
        subject: the driver.
        replaced: also put something else in the place of an endpoint that is a file or a directory of this machine.

    Raises:
        Broken: push said success for what is not there, raised what no host waits for, or did not go on afterwards.
    """
    world = subject.make_world()
    seen = 0
    if isinstance(world, WithInterruption):
        seen += _through(subject, "does not answer", lambda world: world.interrupted(), is_passing=True)
    if replaced:
        with suppress(NotApplicable):  # it is no file of this machine
            seen += _through(subject, "has something else in its place", _replaced, is_passing=False)
    return seen


def _through(
    subject: PusherSubject, what: str, absence: Callable[[Any], AbstractContextManager[object]], *, is_passing: bool
) -> int:
    with subject.world() as world:
        player = Player(subject, world, task="kit:away", root="/kit")
        return asyncio.run(_play(player, world, what, absence, is_passing=is_passing))


async def _play(
    player: Player,
    world: PusherWorld,
    what: str,
    absence: Callable[[Any], AbstractContextManager[object]],
    *,
    is_passing: bool,
) -> int:
    done: list[Step] = []
    lost: list[int] = []
    seen = 0

    def said(seen: str) -> str:
        moments = " and ".join(map(str, lost))
        return f"The destination {what} during step {moments}, and is back. {seen}, in this:{script(done)}"

    async with at_work(player, said=said):
        for before, push, after in _ROUNDS if is_passing else _ROUNDS[:1]:
            await _do(player, before, done)
            done.append(push)
            lost.append(len(done))
            with absence(world):
                error = await _tried(player, push)
                if is_passing:
                    await _require_no_other_index(player)
            _require_class(error, is_passing=is_passing)
            await _go_on(player, push, error)
            await _do(player, after, done)
            seen += player.require_now() + await player.require_index()
    return seen


async def _do(player: Player, steps: tuple[Step, ...], done: list[Step]) -> None:
    for step in steps:
        done.append(step)
        await player.do(step)


async def _require_no_other_index(player: Player) -> None:
    """Asked for the index, a pusher that cannot read it says so; -1 would make a host begin again."""
    try:
        await asyncio.wait_for(player.require_index(), _PATIENCE_SEC)
    except Broken as broken:
        raise Broken(f"Asked while it does not answer: {broken.seen}", *broken.evidence) from broken
    except Exception as err:  # noqa: BLE001 - which class it has is for other rules to say
        del err


async def _tried(player: Player, push: Push) -> Exception | None:
    """What a push ends with while the destination is away; one that waits for it is given up after a while."""
    try:
        await asyncio.wait_for(player.send(push), _PATIENCE_SEC)
    except TimeoutError as err:
        return RetryableError(f"It was still waiting after {_PATIENCE_SEC:g} s: {err}")
    except Broken as refused:
        return RetryableError(refused.seen)  # success: False, which hosts try again
    except Exception as err:  # noqa: BLE001 - its class is what is judged
        return err
    return None


def _require_class(error: Exception | None, *, is_passing: bool) -> None:
    """An absence that passes is a RetryableError; something else in its place is no bare OSError."""
    if is_passing and error is not None and not isinstance(error, RetryableError):
        raise Broken(f"push raised {type(error).__name__}, not a RetryableError ({error})")
    if isinstance(error, OSError):
        raise Broken(f"push raised {type(error).__name__}, not a DriverError ({error})")


async def _go_on(player: Player, push: Push, error: Exception | None) -> None:
    """Push the same batch again, where it failed."""
    try:
        if error is None:
            player.note(push)
        else:
            await player.do(push)
    except Broken:
        raise
    except DriverError as later:
        raise Broken(f"push goes on failing with {type(later).__name__}", str(later)) from later


@contextmanager
def _replaced(world: PusherWorld) -> Iterator[None]:
    """What the endpoint names is moved away; a directory stands in a file's place, a file in a directory's."""
    roots_of(world)
    path = Path(str(world.config()["endpoint"]).rpartition("://")[2].partition("?")[0])
    if not path.is_absolute() or not path.exists():
        raise NotApplicable("The endpoint is not a file of this machine")
    kept = path.with_name(f"{path.name}.kit-moved")
    path.rename(kept)
    (path.touch if kept.is_dir() else path.mkdir)()
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        kept.rename(path)
