"""One session of a pusher, for a task that waits for each push."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Self

from fustor_core.exceptions import DriverError, RetryableError
from fustor_driver.engines import pusher_of
from fustor_driver.hosts import calls
from fustor_driver.hosts.replies import PushReply
from fustor_event_model import EventBase, MessageSource
from pyspark_fustor._options import PusherOptions, Secrets
from pyspark_fustor._redacting import redacted

__all__ = ["Session", "require_pusher"]

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
            opened = calls.session_opened(self._pusher, self._options.task, _LONGEST_PAUSE_SEC)
            self._known_id = self._runner.run(opened).id
        return self._known_id

    @redacted()
    def require_shared(self) -> None:
        """Return if another instance can go on in this session.

        Raises:
            DriverError: it does not know it: the pusher keeps sessions in one process.
        """
        with Session(self._options, self.id) as other:
            try:
                other._runner.run(other._pusher.heartbeat(session_id=other.id))
            except RetryableError:
                raise
            except DriverError as err:
                raise DriverError(
                    f"Pusher {self._pusher.id!r} keeps a session within one process, so that tasks cannot write into "
                    f"it together; write it as a stream ({err})"
                ) from err

    @redacted()
    def push(self, events: Sequence[EventBase], phase: MessageSource, *, is_snapshot_end: bool = False) -> PushReply:
        """What the pusher answers to one batch, again while it may recover.

        Raises:
            DriverError: it refuses the batch, or wishes a new snapshot.
            CheckFailed: it was out of reach at every attempt.
        """
        session = calls.Session(self._pusher, self._options.task, self.id, self._options.allow_deletions)
        pushed = session.pushed(events, phase, is_snapshot_end=is_snapshot_end, longest_sec=_LONGEST_PAUSE_SEC)
        reply = self._runner.run(pushed)
        if reply.snapshot_needed:
            raise DriverError(
                f"Pusher {self._pusher.id!r} asks for a new session with a new snapshot; another writer has opened "
                f"one of task {self._options.task!r}, or the destination has lost its state"
            )
        return reply


def require_pusher(options: PusherOptions) -> None:
    """Return if a pusher can be made of the options; nothing is opened.

    Raises:
        ConfigError: the driver refuses its parameters.
        FustorDriverError: it is not installed, or a reference has no value on this machine.
    """
    _made(options.model_dump_json())


@lru_cache  # Spark asks at each micro-batch, in a process that it keeps
def _made(options: str) -> None:
    with Session(PusherOptions.model_validate_json(options)):
        return
