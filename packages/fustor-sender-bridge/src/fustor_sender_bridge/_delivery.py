"""Batches into one session of a pusher: attempts, replies, heartbeats.

It tries again where the agent would give up or take a snapshot anew, and sends heartbeats at the pusher's own pace: the
agent sends none while it pushes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from fustor_event_model import EventBase, LifecycleSignal, MessageSource, audit_signal
from fustor_sender_bridge._core import ConfigError, DriverError, PusherDriver, RetryableError, SessionObsoletedError
from fustor_sender_bridge._replies import PushReply, SessionReply, says_obsolete

__all__ = ["Delivery", "Retries", "Task", "pause_sec"]

_T = TypeVar("_T")
_log = logging.getLogger("fustor_sender_bridge")
_LONGEST_SEC = 30.0


@dataclass(frozen=True)
class Task:
    """What stays the same over all sessions of a pipe."""

    pusher: PusherDriver
    id: str
    event_schema: str
    retries: Retries
    allow_deletions: bool


class Delivery:
    """Pushes into the session that `open` opened, and keeps it alive. Its methods may run side by side."""

    def __init__(self, task: Task, reply: SessionReply) -> None:
        self.session_id = reply.session_id
        self._task = task
        self._beats = asyncio.ensure_future(self._keep_alive(reply.suggested_heartbeat_interval_seconds))
        self._gone: SessionObsoletedError | None = None

    @classmethod
    async def open(cls, task: Task) -> Delivery:
        """A new session of which the pusher knows that a snapshot is coming.

        The agent's bus counts events from 0 in every process: a pusher that expects the session to resume would
        drop them as known.

        Raises:
            DriverError: the pusher refuses, or stayed out of reach.
        """

        async def ask() -> SessionReply:
            return SessionReply.read(await task.pusher.create_session(task.id), "create_session")

        delivery = cls(task, await task.retries(ask, "Opening a session"))
        try:
            await delivery._announce_snapshot()
        except BaseException:
            await delivery.close()
            raise
        return delivery

    async def close(self) -> None:
        """Send no more heartbeats."""
        self._beats.cancel()
        await asyncio.gather(self._beats, return_exceptions=True)

    def check(self) -> None:
        """Return while the session lives, as far as is known.

        Raises:
            SessionObsoletedError: it is gone.
        """
        if self._gone is not None:
            raise self._gone
        if self._beats.done() and not self._beats.cancelled():
            self._beats.result()

    async def push(
        self, events: Sequence[EventBase], phase: MessageSource, *, is_snapshot_end: bool = False
    ) -> PushReply:
        """Push a batch, again while the pusher may recover.

        Raises:
            RetryableError: it did not.
            SessionObsoletedError: the session is gone.
            DriverError: the batch is refused.
        """
        once = partial(self.push_once, events, phase, is_snapshot_end=is_snapshot_end)
        return await self._task.retries(once, f"A push ({phase.value})")

    async def push_once(
        self, events: Sequence[EventBase], phase: MessageSource, *, is_snapshot_end: bool = False
    ) -> PushReply:
        """Push a batch; raises as `push` does."""
        self.check()
        try:
            reply = await self._pushed(events, phase, is_snapshot_end=is_snapshot_end)
        except SessionObsoletedError as err:  # the agent forgets it where an audit ends
            self._gone = err
            raise
        _note(reply)
        return reply

    async def _pushed(self, events: Sequence[EventBase], phase: MessageSource, *, is_snapshot_end: bool) -> PushReply:
        permissions = {"allow_deletions": True} if self._task.allow_deletions else {}
        try:
            answer = await self._task.pusher.push(
                list(events),
                session_id=self.session_id,
                task_id=self._task.id,
                source_type=phase.value,
                is_snapshot_end=is_snapshot_end,
                **permissions,
            )
        except DriverError as err:
            if says_obsolete(err):
                raise SessionObsoletedError(f"The pusher gave up session {self.session_id}: {err}") from err
            raise
        return PushReply.read(answer, "push").taken()

    def signal(self, signal: LifecycleSignal) -> list[EventBase]:
        """The batch that is a bracket of an audit."""
        return [audit_signal(signal, self._task.event_schema)]

    async def _announce_snapshot(self) -> None:
        try:
            await self.push([], MessageSource.SNAPSHOT)
        except (ConfigError, RetryableError, SessionObsoletedError):
            raise
        except DriverError as err:  # a pusher may have no use for it
            _log.debug("The announcement of a snapshot was refused: %s", err)

    async def _keep_alive(self, interval_sec: float) -> None:
        """Send heartbeats, from the first interval on, until this is cancelled or the session is gone."""
        while True:
            await asyncio.sleep(interval_sec)
            try:
                await self._task.pusher.heartbeat(session_id=self.session_id)
            except (DriverError, ConfigError) as err:
                if says_obsolete(err):
                    raise SessionObsoletedError(f"A heartbeat of session {self.session_id} failed: {err}") from err
                _log.warning("A heartbeat of session %s failed: %s", self.session_id, err)


def _note(reply: PushReply) -> None:
    if reply.refused_rows:
        _log.warning("The pusher set %d rows aside: %s", reply.refused_rows, reply.refused_reason or "no reason given")
    if reply.refused_deletions:
        _log.warning(
            "The pusher's guard kept %d rows from being deleted; `allow_deletions: true` in the sender's driver_params "
            "gives leave",
            reply.refused_deletions,
        )


def pause_sec(delay_sec: float, attempt: int) -> float:
    """The pause after the `attempt`-th failure (from 1): doubled each time, up to 30 s or to `delay_sec`."""
    return min(delay_sec * 2.0 ** min(attempt - 1, 30), max(_LONGEST_SEC, delay_sec))


@dataclass(frozen=True)
class Retries:
    """How often and how soon a call is made again while it raises RetryableError."""

    attempts: int
    delay_sec: float

    async def __call__(self, call: Callable[[], Awaitable[_T]], what: str) -> _T:
        """What `call` returns; `what` names it in the log.

        Raises:
            RetryableError: every attempt failed.
        """
        for attempt in range(1, self.attempts):
            try:
                return await call()
            except RetryableError as err:
                pause = pause_sec(self.delay_sec, attempt)
                _log.warning(
                    "%s failed (attempt %d of %d, next in %.3g s): %s", what, attempt, self.attempts, pause, err
                )
            await asyncio.sleep(pause)
        return await call()
