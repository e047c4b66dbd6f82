"""One session with a pusher: every phase as the contract has it, sections 5 and 8."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import dropwhile

from fustor_event_model import EventBase, LifecycleSignal, MessageSource
from fustor_sender_bridge._brackets import FOLLOWER, LEADER, Brackets, Stage
from fustor_sender_bridge._core import ConfigError, DriverError, RetryableError, SessionObsoletedError
from fustor_sender_bridge._delivery import Delivery, Task

__all__ = ["Session"]

_log = logging.getLogger("fustor_sender_bridge")


class Session:
    """What one call of `create_session` opened. Its methods may run side by side, as the agent's phases do."""

    def __init__(self, delivery: Delivery, *, has_audits: bool) -> None:
        self.id = delivery.session_id
        self._delivery = delivery
        self._has_audits = has_audits
        self._brackets = Brackets(asyncio.get_running_loop().time)
        self._starting = asyncio.Lock()
        self._in_audit = False
        self._lists_all = False
        """Whether every audit is to be a full one: a guard that counts takes what was not listed for gone."""

    @classmethod
    async def open(cls, task: Task) -> Session:
        """A new session.

        Raises:
            DriverError: the pusher refuses, or stayed out of reach.
        """
        return cls(await Delivery.open(task), has_audits=task.has_audits)

    async def close(self) -> None:
        """Let the session be."""
        await self._delivery.close()

    def check(self) -> None:
        """Return while the session lives.

        Raises:
            SessionObsoletedError: it is gone.
        """
        self._delivery.check()

    async def role(self) -> str:
        """The role that the agent is to have from now on; it acts on it before it does anything else."""
        if not self._has_audits or self._brackets.stage in (Stage.SNAPSHOT, Stage.ENDED, Stage.STANDING):
            return LEADER
        async with self._starting:
            if self._brackets.call_back():
                return FOLLOWER
            return LEADER if self._brackets.audits_count or await self._audits_start() else FOLLOWER

    async def realtime(self, events: Sequence[EventBase]) -> bool:
        """Whether the pusher has them; if not, the agent comes again with these and what follows them.

        Raises:
            SessionObsoletedError: the session is gone.
        """
        try:
            await self._delivery.push_once(events, MessageSource.REALTIME)
        except SessionObsoletedError:
            raise
        except RetryableError as err:
            _log.warning("The pusher failed and is asked again: %s", err)
            return False
        except (DriverError, ConfigError) as err:  # what the agent did else is a new snapshot, and then the same again
            _log.warning("The pusher refuses what is next in realtime, which waits until that is mended: %s", err)
            return False
        return True

    async def snapshot(self, events: Sequence[EventBase], *, is_end: bool) -> None:
        """Push a part of the snapshot; its end once, however often the agent tells it.

        Raises:
            DriverError: the pusher does not have it, so there is no complete snapshot.
        """
        if self._brackets.stage is Stage.SNAPSHOT:
            await self._delivery.push(events, MessageSource.SNAPSHOT, is_snapshot_end=is_end)
        elif events:
            raise DriverError("Rows of a snapshot came after its end")
        if is_end:
            self._brackets.snapshot_ended()

    async def audit(self, events: Sequence[EventBase]) -> None:
        """Push a part of an audit; where it does not count, wait for the agent to drop it.

        Raises:
            DriverError: the pusher does not have it, so the audit breaks off.
        """
        await self._until_audits_count()
        counting = events if self._in_audit else list(dropwhile(_opens_audit, events))
        if counting:
            self._in_audit = True
            await self._delivery.push(counting, MessageSource.AUDIT)

    async def end_audit(self, *, broke_off: bool) -> None:
        """End an audit and set the bracket of the next one; an audit that broke off has no end.

        Raises:
            DriverError: the pusher does not have the end.
        """
        self._in_audit = False
        if broke_off:
            self._brackets.unset()
            return
        await self._until_audits_count()
        try:
            reply = await self._delivery.push(self._delivery.signal(LifecycleSignal.AUDIT_END), MessageSource.AUDIT)
            self._lists_all = self._lists_all or reply.refused_deletions > 0
            if self._lists_all:
                self._brackets.unset()
            else:
                await self._delivery.push(self._delivery.signal(LifecycleSignal.AUDIT_START), MessageSource.AUDIT)
        except BaseException:
            self._brackets.unset()
            raise

    async def _until_audits_count(self) -> None:
        if not self._brackets.audits_count:
            _log.info("An audit that began too early, or after one that broke off, waits until the agent drops it")
            await asyncio.Event().wait()

    async def _audits_start(self) -> bool:
        """Whether `Audit-Start` is durable; if not, the agent keeps following and it is tried again."""
        try:
            await self._delivery.push_once(self._delivery.signal(LifecycleSignal.AUDIT_START), MessageSource.AUDIT)
        except SessionObsoletedError:
            raise
        except (DriverError, ConfigError) as err:
            _log.warning("No audits yet: %s", err)
            return False
        self._brackets.started()
        return True


def _opens_audit(event: EventBase) -> bool:
    """Whether an event only makes a released view's clock run: the root, which was not listed, before all else.

    Source: driver contract, section 4.
    """
    return [(row.get("path"), row.get("audit_skipped")) for row in event.rows] == [("/", True)]
