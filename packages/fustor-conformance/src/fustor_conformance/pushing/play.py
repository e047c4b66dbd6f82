"""Plays a history on a pusher and compares what its World reads with what must be there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fustor_conformance._desk import keeps_index, session_id_of, successful
from fustor_conformance.outcome import Broken
from fustor_conformance.pushing.expected import Expected
from fustor_conformance.pushing.seen import Logged, Shelf
from fustor_conformance.pushing.steps import Begin, Push, Step, events_of
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import PusherWorld
from fustor_core.drivers import PusherDriver
from fustor_event_model import LifecycleSignal

__all__ = ["Player", "Refused", "at_work"]


class Refused(Exception):  # noqa: N818 - says why a history ends early, which is no error
    """The pusher set rows aside, or kept a guard's deletions back, and said so: what is stored is its own affair."""


class Player:
    """One task of one pusher, and what must be stored of it.

    Args:
        subject: the driver.
        world: its system, already entered; other tasks may be in it.
        shelf: what is read of that system, where that is for other players too.
        task: the task's id.
        root: where its paths lie.
        instances: those that it shares with other players, the last of them in use; one is left open at the end.
    """

    def __init__(
        self,
        subject: PusherSubject,
        world: PusherWorld,
        shelf: Shelf | None = None,
        *,
        task: str,
        root: str,
        instances: list[PusherDriver] | None = None,
    ) -> None:
        self._subject = subject
        self._world = world
        self._shelf = shelf or Shelf(world)
        self._task = task
        self._root = root
        self._instances: list[PusherDriver] = [] if instances is None else instances
        self._shares = instances is not None
        self._session = ""
        self.expected = Expected(root)
        self._log = None if world.keyed else Logged(root)

    @property
    def has_begun(self) -> bool:
        """Whether a session was opened."""
        return bool(self._session)

    async def play(self, steps: Sequence[Step], *, watched: bool = False, index: bool = False) -> int:
        """How many indexes were compared: at each new session, with `index` after each step.

        Where it is `watched`, what is stored is compared after each step; otherwise the caller has to `require` it.

        Raises:
            Broken: something else is stored than must be.
            Refused: the pusher said that it did not store everything.
        """
        seen = 0
        try:
            for step in steps:
                await self.do(step)
                if watched and not index:
                    self.require_now()
                if index or isinstance(step, Begin):
                    seen += await self.require_index()
        except BaseException:
            await self.close()
            raise
        await self.close(but=int(self._shares))
        return seen

    async def do(self, step: Step) -> None:
        """One step, on the pusher and on what is expected of it."""
        self.note(step)
        if isinstance(step, Begin):
            await self._begin(step)
        elif isinstance(step, Push):
            await self.send(step)
        else:
            done = await asyncio.gather(self.send(step.first), self.send(step.second), return_exceptions=True)
            for error in done:
                if isinstance(error, BaseException):
                    raise error

    def note(self, step: Step) -> None:
        """One step, on what is expected alone."""
        self.expected.take(step)
        if self._log is not None:
            self._log.take(step)

    async def _begin(self, step: Begin) -> None:
        is_open = bool(self._instances)
        is_given = is_open and self._shares and not self._session
        if step.instance == "new" and is_open and not is_given:
            await self._instances[-1].close()
        if not is_open or (step.instance != "same" and not is_given):
            self._instances.append(self._subject.driver(self._world))
        self._session = await self.opened()

    async def opened(self) -> str:
        """The id of another session of the task, opened on the same instance; the one before it goes on."""
        return session_id_of(await self._instances[-1].create_session(self._task))

    async def send(self, push: Push) -> None:
        """One push, to the pusher alone.

        Raises:
            Broken: the reply is no success.
            Refused: the pusher did not store everything.
        """
        answer: object = await self._instances[-1].push(
            list(events_of(push, self._root)),
            session_id=self._session,
            task_id=self._task,
            source_type=push.phase,
            is_snapshot_end=push.end,
        )
        reply = successful(answer)
        ends = push.end or any(event.signal is LifecycleSignal.AUDIT_END for event in push.events)
        if reply.get("refused_deletions") and not ends:
            raise Broken("refused_deletions comes with a push that ends neither a snapshot nor an audit", reply)
        if reply.get("refused_rows") or reply.get("refused_deletions"):
            raise Refused(f"{reply}")
        if reply.get("snapshot_needed") and self.expected.is_complete:
            raise Broken("push asks for a new snapshot, though that of its session is complete", reply)

    def require(self) -> int:
        """How many rows were compared with what was read last.

        Raises:
            Broken: something else is stored than must be.
        """
        if self._log is not None:
            return self._log.require(self._shelf)
        return self._shelf.require(self._root, self.expected.rows, self.expected.implied)

    def require_now(self) -> int:
        """Read what is stored, and `require` it."""
        self._shelf.read()
        return self.require()

    async def require_index(self) -> int:
        """Whether an index was compared, as a number.

        Raises:
            Broken: the committed index is none that it may be.
        """
        pusher = self._instances[-1]
        if not keeps_index(type(pusher)):
            return 0
        found: object = await pusher.get_latest_committed_index(session_id=self._session)
        if isinstance(found, bool) or found not in self.expected.indexes:
            wanted = " or ".join(map(str, sorted(self.expected.indexes)))
            raise Broken(f"The committed index is {found!r}, not {wanted}")
        return 1

    async def close(self, *, but: int = 0) -> None:
        """Close what is open, all `but` the last one or none."""
        while len(self._instances) > but:
            await self._instances.pop(0).close()


@asynccontextmanager
async def at_work(*players: Player, said: Callable[[str], str]) -> AsyncIterator[None]:
    """Close the players when the block is left; `said` puts into words what is broken in it."""
    try:
        yield
    except Broken as broken:
        raise Broken(said(broken.seen), *broken.evidence) from broken
    finally:
        for player in players:
            await player.close()
