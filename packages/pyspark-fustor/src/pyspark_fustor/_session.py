"""One session of a pusher, for a task that waits for each push."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self, cast

from fustor_core.exceptions import DriverError, RetryableError
from fustor_driver.engines import pusher_of
from fustor_driver.hosts import calls
from fustor_driver.hosts.replies import PushReply
from fustor_event_model import EventBase, MessageSource
from pyspark_fustor._options import PusherOptions, Secrets
from pyspark_fustor._redacting import redacted

__all__ = ["Session"]

_LONGEST_PAUSE_SEC = 30.0


class Session:
    """A session that this process or another one opened. A context: at its end the driver is closed.

    No error of its methods lets a secret out.
    """

    @redacted()
    def __init__(self, options: PusherOptions, id: str | None = None) -> None:
        self._options = options
        self._runner = asyncio.Runner()
        self._pusher = pusher_of(options.entry(), Secrets(options.secrets_dir))
        self._known_id = id

    def __enter__(self) -> Self:
        return self

    @redacted()
    def __exit__(self, *_: object) -> None:
        try:
            self._runner.run(self._pusher.close())
        finally:
            self._runner.close()

    @property
    @redacted()
    def id(self) -> str:
        """What the pusher calls it; the first question opens it, which ends every earlier session of the task.

        Raises:
            DriverError: the pusher refuses.
            CheckFailed: it was out of reach at every attempt.
        """
        if self._known_id is None:
            self._known_id = self._runner.run(self._opened())
        return self._known_id

    @redacted()
    def require_shared(self) -> None:
        """Return if this instance can go on in a session that another one opened.

        Raises:
            DriverError: it does not know that session: the pusher keeps sessions in one process.
        """
        try:
            self._runner.run(self._pusher.heartbeat(session_id=self.id))
        except RetryableError:
            raise
        except DriverError as err:
            raise DriverError(
                f"Pusher {self._pusher.id!r} keeps a session within one process, so that tasks cannot write into it "
                f"together; write it as a stream ({err})"
            ) from err

    @redacted()
    def push(self, events: Sequence[EventBase], phase: MessageSource, *, is_snapshot_end: bool = False) -> PushReply:
        """What the pusher answers to one batch, again while it may recover.

        Raises:
            DriverError: it refuses the batch, or wishes a new snapshot.
            CheckFailed: it was out of reach at every attempt.
        """
        reply = self._runner.run(self._pushed(events, phase, self.id, is_snapshot_end=is_snapshot_end))
        if reply.snapshot_needed:
            raise DriverError(
                f"Pusher {self._pusher.id!r} asks for a new session with a new snapshot; another writer has opened "
                f"one of task {self._options.task!r}, or the destination has lost its state"
            )
        return reply

    async def _opened(self) -> str:
        async def once() -> str:
            return (await calls.open_session(self._pusher, self._options.task)).session_id

        return cast("str", await calls.retried(self._pusher, once, self._pause, "failed"))

    async def _pushed(
        self, events: Sequence[EventBase], phase: MessageSource, session_id: str, *, is_snapshot_end: bool
    ) -> PushReply:
        async def once() -> PushReply:
            reply = await calls.push(
                self._pusher,
                events,
                phase,
                session_id=session_id,
                task_id=self._options.task,
                is_snapshot_end=is_snapshot_end,
                allow_deletions=self._options.allow_deletions,
            )
            return reply if reply.snapshot_needed else reply.taken()

        return cast("PushReply", await calls.retried(self._pusher, once, self._pause, "failed"))

    async def _pause(self, attempt: int, _: RetryableError) -> bool:
        await asyncio.sleep(calls.pause_sec(self._pusher.config.retry_delay_sec, attempt, _LONGEST_PAUSE_SEC))
        return True
