"""A destination that goes away while a pusher lives, and comes back as it was."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from fustor_conformance._roots import roots_of
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.pushing.play import Player
from fustor_conformance.pushing.seen import Shelf
from fustor_conformance.pushing.steps import Push, Step, script
from fustor_conformance.pushing.words import BEGIN, END, box, gone, new, now, realtime, snapshot, thing
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import PusherWorld, WithInterruption
from fustor_core.exceptions import DriverError, RetryableError

__all__ = ["away"]

_PATIENCE_SEC = 30.0
_FIRST: tuple[Step, ...] = (
    BEGIN,
    snapshot(box("d"), thing("d/x", 1), thing("f", 2), index=3),
    END,
    realtime(now(thing("f", 4), index=10)),
)
_LOST = realtime(new(thing("g", 5), index=11), gone("d", index=12), now(thing("f", 6), index=13))
_LATER = realtime(now(thing("h", 7), index=14))


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
        shelf = Shelf(world)
        player = Player(subject, world, shelf, task="kit:away", root="/kit")
        return asyncio.run(_play(player, shelf, world, what, absence, is_passing=is_passing))


async def _play(
    player: Player,
    shelf: Shelf,
    world: PusherWorld,
    what: str,
    absence: Callable[[Any], AbstractContextManager[object]],
    *,
    is_passing: bool,
) -> int:
    try:
        for step in _FIRST:
            await player.do(step)
        with absence(world):
            error = await _tried(player, _LOST)
        _require_class(error, is_passing=is_passing)
        await _go_on(player, error)
        shelf.read()
        return player.require() + await player.require_index()
    except Broken as broken:
        steps = script([*_FIRST, _LOST, _LATER])
        raise Broken(
            f"The destination {what} during step 5, and is back. {broken.seen}, in this:{steps}", *broken.evidence
        ) from broken
    finally:
        await player.close()


async def _tried(player: Player, push: Push) -> Exception | None:
    """What a push ends with while the destination is away; one that waits for it is given up after a while."""
    try:
        await asyncio.wait_for(player.send(push), _PATIENCE_SEC)
    except TimeoutError as error:
        return RetryableError(f"It was still waiting after {_PATIENCE_SEC:g} s: {error}")
    except Broken as refused:
        return RetryableError(refused.seen)  # success: False, which hosts try again
    except Exception as error:  # noqa: BLE001 - its class is what is judged
        return error
    return None


def _require_class(error: Exception | None, *, is_passing: bool) -> None:
    """An absence that passes is a RetryableError; something else in its place is no bare OSError."""
    if is_passing and error is not None and not isinstance(error, RetryableError):
        raise Broken(f"push raised {type(error).__name__}, not a RetryableError ({error})")
    if isinstance(error, OSError):
        raise Broken(f"push raised {type(error).__name__}, not a DriverError ({error})")


async def _go_on(player: Player, error: Exception | None) -> None:
    """Push the same batch again, where it failed, and then another one."""
    try:
        if error is None:
            player.note(_LOST)
        else:
            await player.do(_LOST)
        await player.do(_LATER)
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
        raise NotApplicable("The endpoint is no file of this machine")
    kept = path.with_name(f"{path.name}.kit-moved")
    is_directory = path.is_dir()
    path.rename(kept)
    if is_directory:
        path.touch()
    else:
        path.mkdir()
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        kept.rename(path)
