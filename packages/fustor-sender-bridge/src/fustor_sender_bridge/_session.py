"""One session with a pusher: every phase as the contract has it, sections 5 and 8.

The agent never says when an audit starts, so `Audit-Start` stands before any can: it is pushed after a snapshot's end
and after each `Audit-End`. Where that was too late (an audit that runs beside a snapshot) or an audit broke off, the
agent has to drop the audit under way and what it remembers of it. It does so when its role changes: told `follower`,
it cancels its audit; told `leader` again, it clears its cache and waits a whole interval before the next audit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from enum import Enum, auto
from itertools import dropwhile

from fustor_event_model import EventBase, LifecycleSignal, MessageSource
from fustor_sender_bridge._core import ConfigError, DriverError, RetryableError, SessionObsoletedError
from fustor_sender_bridge._delivery import Delivery

__all__ = ["FOLLOWER", "LEADER", "Session"]

_log = logging.getLogger("fustor_sender_bridge")
LEADER = "leader"
FOLLOWER = "follower"
_SETTLE_SEC = 0.5  # in which the agent ends its audit; it waits 0.1 s for that


class Session:
    """What one call of `create_session` opened. Its methods may run side by side, as the agent's phases do."""

    def __init__(self, delivery: Delivery, *, has_audits: bool) -> None:
        self.delivery = delivery
        self._has_audits = has_audits
        self._brackets = _Brackets(asyncio.get_running_loop().time)
        self._starting = asyncio.Lock()
        self._in_audit = False
        self._lists_all = False
        """Whether every audit is to be a full one: a guard that counts takes what was not listed for gone."""

    async def role(self) -> str:
        """The role that the agent is to have from now on; it acts on it before it does anything else."""
        if not self._has_audits or self._brackets.stage in (_Stage.SNAPSHOT, _Stage.ENDED, _Stage.STANDING):
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
            await self.delivery.push_once(events, MessageSource.REALTIME)
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
        if self._brackets.stage is _Stage.SNAPSHOT:
            await self.delivery.push(events, MessageSource.SNAPSHOT, is_snapshot_end=is_end)
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
            await self.delivery.push(counting, MessageSource.AUDIT)

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
            reply = await self.delivery.push(self.delivery.signal(LifecycleSignal.AUDIT_END), MessageSource.AUDIT)
            self._lists_all = self._lists_all or reply.refused_deletions > 0
            if self._lists_all:
                self._brackets.unset()
            else:
                await self.delivery.push(self.delivery.signal(LifecycleSignal.AUDIT_START), MessageSource.AUDIT)
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
            await self.delivery.push_once(self.delivery.signal(LifecycleSignal.AUDIT_START), MessageSource.AUDIT)
        except SessionObsoletedError:
            raise
        except (DriverError, ConfigError) as err:
            _log.warning("No audits yet: %s", err)
            return False
        self._brackets.stage = _Stage.STANDING
        return True


def _opens_audit(event: EventBase) -> bool:
    """Whether an event only makes a released view's clock run: the root, which was not listed, before all else.

    Source: driver contract, section 4.
    """
    return [(row.get("path"), row.get("audit_skipped")) for row in event.rows] == [("/", True)]


class _Stage(Enum):
    """What stands between a session and its next audit."""

    SNAPSHOT = auto()
    """The snapshot is under way: the agent leads, and an audit does not count."""
    ENDED = auto()
    """The snapshot's end is durable, and the agent is about to tell it once more."""
    UNSET = auto()
    """An audit under way does not count; the agent has to be called back."""
    CALLED_BACK = auto()
    """The agent follows: no audit is under way."""
    STANDING = auto()
    """`Audit-Start` is durable, and nothing was listed before it."""


class _Brackets:
    """The stage of one session. Nothing here pushes or waits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._called_back_at = 0.0
        self.stage = _Stage.SNAPSHOT

    @property
    def audits_count(self) -> bool:
        """Whether rows of an audit may be pushed."""
        return self.stage is _Stage.STANDING

    def snapshot_ended(self) -> None:
        """Take note of the snapshot's end, of which the agent tells twice."""
        if self.stage is _Stage.SNAPSHOT:
            self.stage = _Stage.ENDED
        elif self.stage is _Stage.ENDED:  # only now its task is over, which a change of role would cancel
            self.stage = _Stage.UNSET

    def unset(self) -> None:
        """Have the next audit begun anew, in which everything is listed."""
        if self.stage is _Stage.STANDING:
            self.stage = _Stage.UNSET

    def call_back(self) -> bool:
        """Whether the agent is to be told to follow now."""
        if self.stage is _Stage.UNSET:
            self.stage = _Stage.CALLED_BACK
            self._called_back_at = self._clock()
        return self.stage is _Stage.CALLED_BACK and self._clock() - self._called_back_at < _SETTLE_SEC
