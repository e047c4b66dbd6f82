"""How a driver is called: what a run does and what a command does outside of one are the same calls."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Self, TypeVar, cast

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import RetryableError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.errors import CheckFailed, NotConformant
from fustor_driver.hosts.replies import PushReply, SessionReply, read_index
from fustor_driver.redaction import safe_logger
from fustor_driver.supervision import in_thread
from fustor_event_model import AuditItem, EventBase, MessageSource, UpdateEvent

__all__ = [
    "LONGEST_PAUSE_SEC",
    "Session",
    "closing",
    "connection_of",
    "counted",
    "is_reached",
    "is_unsupported",
    "nothing_up_to",
    "open_phase",
    "pause_sec",
    "persisted",
    "retried",
    "session_opened",
]

LONGEST_PAUSE_SEC = 60.0
"""Between two attempts, unless something else is said."""

_T = TypeVar("_T")
_Driver = TypeVar("_Driver", bound=SourceDriver | PusherDriver)
_log = safe_logger("fustor_driver.host")


def connection_of(config: SourceConfig | PusherConfig) -> dict[str, Any]:
    """Keywords of a driver's questions about the other side, such as `test_connection`."""
    address = {"uri": config.uri} if isinstance(config, SourceConfig) else {"endpoint": config.endpoint}
    return address | {"credential": config.credential, "driver_params": config.driver_params}


@asynccontextmanager
async def closing(driver: _Driver) -> AsyncIterator[_Driver]:
    """A driver, which is closed when the block is left."""
    try:
        yield driver
    finally:
        await driver.close()


async def is_reached(source: SourceDriver) -> tuple[bool, str]:
    """Whether a source reaches what it reads, by its own word; one that does not know is taken as reached.

    Asked in a thread of its own, since a check may block.
    """
    ask = partial(source.test_connection, **connection_of(source.config))
    try:
        reached, text = await in_thread(lambda: asyncio.run(ask()), "fustor-source-check")
    except Exception as err:  # noqa: BLE001 - a check that cannot answer must not end what works without it
        _log.debug("The source %r does not say whether it can be reached: %r", source.id, err)
        return True, ""
    return reached or is_unsupported(text), text


def is_unsupported(text: str) -> bool:
    """Whether a driver's answer to a question says that it does not support it, as the base classes say it."""
    return text.startswith("Not supported")


def open_phase(
    source: SourceDriver,
    phase: MessageSource,
    stop_event: threading.Event,
    *,
    position: int = -1,
    batch_size: int = 1000,
    bounds: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[EventBase]:
    """The iterator of a phase; `position` is of realtime, `batch_size` of the others.

    `bounds` are more keywords, which say how much of a snapshot or of realtime is asked for.
    """
    if phase is MessageSource.SNAPSHOT:
        return source.get_snapshot_iterator(
            batch_size=batch_size, stop_event=stop_event, required_fields_tracker=None, **bounds
        )
    if phase is MessageSource.REALTIME:
        return source.get_message_iterator(position, stop_event=stop_event, required_fields_tracker=None, **bounds)
    return _plain_events(source.get_audit_iterator(batch_size=batch_size, stop_event=stop_event))


def _plain_events(items: Iterator[AuditItem]) -> Iterator[EventBase]:
    for item in items:
        if isinstance(item, tuple):
            raise NotConformant(
                "An audit without mtime_cache yielded a pair; it must yield plain events (driver contract, section 4)"
            )
        yield item


@dataclass(frozen=True)
class Session:
    """A session of one task, which this process or another one has opened.

    With `allow_deletions` each push in it has leave for the deletions that the pusher's guard would refuse.
    """

    pusher: PusherDriver
    task_id: str
    id: str
    allow_deletions: bool = False
    heartbeat_interval_sec: float = math.inf
    """Never, where somebody else keeps it alive."""

    @classmethod
    async def open(cls, pusher: PusherDriver, task_id: str, *, allow_deletions: bool = False) -> Self:
        """A new session of the task."""
        reply = SessionReply.read(await pusher.create_session(task_id), "create_session")
        return cls(pusher, task_id, reply.session_id, allow_deletions, reply.suggested_heartbeat_interval_seconds)

    async def committed_index(self) -> int:
        """The index up to which everything is durable, by the pusher's own word; -1 for none."""
        return read_index(await self.pusher.get_latest_committed_index(session_id=self.id))

    async def push(
        self, events: Sequence[EventBase], phase: MessageSource, *, is_snapshot_end: bool = False
    ) -> PushReply:
        """What the pusher answers to one batch; whatever else waits in the loop has its turn first.

        A pusher whose `push` never waits would keep the loop for as long as there are events: no heartbeat, no other
        phase and no stop would come through.
        """
        await asyncio.sleep(0)
        permissions = {"allow_deletions": True} if self.allow_deletions else {}
        answer = await self.pusher.push(
            list(events),
            session_id=self.id,
            task_id=self.task_id,
            source_type=phase.value,
            is_snapshot_end=is_snapshot_end,
            **permissions,
        )
        return PushReply.read(answer, "push")

    async def pushed(
        self,
        events: Sequence[EventBase],
        phase: MessageSource,
        *,
        is_snapshot_end: bool = False,
        longest_sec: float = LONGEST_PAUSE_SEC,
    ) -> PushReply:
        """What the pusher answers to one batch once it has it, or once it wants another snapshot: look at that first.

        Raises:
            CheckFailed: it failed at every attempt.
            DriverError: it refuses the batch.
        """

        async def once() -> PushReply:
            reply = await self.push(events, phase, is_snapshot_end=is_snapshot_end)
            return reply if reply.snapshot_needed else reply.taken()

        return await persisted(self.pusher, once, "failed", longest_sec)


async def retried(
    pusher: PusherDriver,
    call: Callable[[], Awaitable[_T]],
    pause: Callable[[int, RetryableError], Awaitable[bool]],
    failing: str,
) -> _T | None:
    """What `call` returns, tried again while it raises RetryableError; None when it shall not be tried again.

    Args:
        pusher: whom it calls; its configuration says how often it is tried.
        call: one attempt.
        pause: waits after the attempt of this number, from 1; whether there is to be another one.
        failing: what to say of the pusher where every attempt failed: "failed".

    Raises:
        CheckFailed: every attempt failed.
    """
    attempts = pusher.config.max_retries
    for attempt in range(1, attempts + 1):
        try:
            return await call()
        except RetryableError as err:
            last = err
        if attempt < attempts and not await pause(attempt, last):
            return None
    raise CheckFailed(
        f"The pusher {pusher.id!r} {failing} {counted(attempts, 'time')}: {last}; mend it and start again, "
        "nothing is lost"
    ) from last


async def persisted(
    pusher: PusherDriver, call: Callable[[], Awaitable[_T]], failing: str, longest_sec: float = LONGEST_PAUSE_SEC
) -> _T:
    """What `call` returns, as of `retried`, with pauses that grow up to a bound and that nothing cuts short."""

    async def pause(attempt: int, err: RetryableError) -> bool:
        seconds = pause_sec(pusher.config.retry_delay_sec, attempt, longest_sec)
        _log.warning("The pusher %r failed (attempt %d, next in %.3g s): %s", pusher.id, attempt, seconds, err)
        await asyncio.sleep(seconds)
        return True

    return cast("_T", await retried(pusher, call, pause, failing))


async def session_opened(
    pusher: PusherDriver, task_id: str, longest_sec: float = LONGEST_PAUSE_SEC, *, allow_deletions: bool = False
) -> Session:
    """A new session of the task, asked for until it is there; errors as for `retried`."""
    ask = partial(Session.open, pusher, task_id, allow_deletions=allow_deletions)
    return await persisted(pusher, ask, "gave no session", longest_sec)


def nothing_up_to(index: int) -> EventBase:
    """The event by which a pusher learns that there is nothing else up to a position."""
    return UpdateEvent(
        fields=[], rows=[], index=index, event_schema="", table="", message_source=MessageSource.REALTIME
    )


def counted(number: int, what: str = "attempt") -> str:
    """How many there were of something, in words: "1 attempt"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def pause_sec(delay_sec: float, attempt: int, longest_sec: float) -> float:
    """The pause after the `attempt`-th failure (from 1): doubled each time, up to a bound."""
    return float(min(delay_sec * 2 ** min(attempt - 1, 30), longest_sec))
