"""One pusher that several streams are written to, each as a task with a session of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fustor_core.drivers import PusherDriver
from fustor_core.exceptions import ConfigError, DriverError
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts import calls
from fustor_driver.hosts.options import MAX_REFUSED_IN_A_ROW
from fustor_driver.hosts.refusals import Refusals
from fustor_driver.redaction import safe_logger
from fustor_event_model import EventBase, MessageSource

__all__ = ["Session", "Tally", "open_session"]

_WAY_OUT = "`allow_deletions` in the target's configuration allows it"
_log = safe_logger("fustor_driver.singer")


@dataclass
class Tally:
    """What the pusher set aside or kept, over all streams."""

    dead_letters: int = 0
    refused_deletions: int = 0
    last_error: str | None = None


@dataclass
class Session:
    """A session of one task. `committed` is the index that was durable when it was opened, -1 for none."""

    opened: calls.Session
    committed: int
    refusals: Refusals
    takes_snapshot: bool = False

    async def push(self, events: Sequence[EventBase], phase: MessageSource, *, end: bool = False) -> None:
        """Have a batch durable.

        Raises:
            CheckFailed: the pusher stayed out of reach, takes nothing at all, or wants another snapshot.
            DriverError: it refuses the batch.
        """
        reply = await self.opened.pushed(events, phase, is_snapshot_end=end)
        self.refusals.replied(phase, sum(len(event.rows) for event in events), reply)
        if reply.snapshot_needed:
            raise CheckFailed(
                f"The pusher {self.opened.pusher.id!r} needs a new snapshot of {self.opened.task_id!r}; run the tap "
                "without state, as `meltano run --full-refresh` does"
            )

    async def begin_snapshot(self) -> None:
        """Say that a snapshot begins; a pusher that has no use for it may refuse that."""
        self.takes_snapshot = True
        try:
            await self.push([], MessageSource.SNAPSHOT)
        except ConfigError:
            raise
        except DriverError as err:
            _log.debug("The announcement of a snapshot was refused: %s", err)

    async def end_snapshot(self) -> None:
        """Say that the snapshot is complete.

        Raises:
            CheckFailed: the pusher has refused every row of it; and as for `push`.
        """
        self.refusals.check_snapshot()
        await self.push([], MessageSource.SNAPSHOT, end=True)

    async def keep_alive(self) -> None:
        """Send heartbeats until cancelled; one that fails is logged, the next push says what it means."""
        while True:
            await asyncio.sleep(self.opened.heartbeat_interval_sec)
            try:
                await self.opened.pusher.heartbeat(session_id=self.opened.id)
            except DriverError as err:
                _log.warning("A heartbeat failed: %s", err)


async def open_session(pusher: PusherDriver, task: str, refused: Tally, *, allow_deletions: bool = False) -> Session:
    """A new session of a task, and what was durable before it; errors as for `Session.push`."""
    opened = await calls.session_opened(pusher, task, allow_deletions=allow_deletions)
    committed = await calls.persisted(pusher, opened.committed_index, "does not say what it has")
    return Session(opened, committed, Refusals(pusher.id, refused, MAX_REFUSED_IN_A_ROW, _WAY_OUT))
