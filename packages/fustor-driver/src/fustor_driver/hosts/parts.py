"""What everything in the guide host works with: both drivers, what is counted, and what is asked of each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import RetryableError
from fustor_driver.hosts.bell import Bell
from fustor_driver.hosts.calls import Session, open_phase, pause_sec
from fustor_driver.hosts.counters import Progress
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.reader import Reader
from fustor_driver.hosts.rivals import Rivals
from fustor_driver.redaction import safe_logger
from fustor_event_model import EventBase, MessageSource

__all__ = ["Control", "Parts"]

_T = TypeVar("_T")
_log = safe_logger("fustor_driver.host")


@dataclass
class Control:
    """What the host's coroutines say to each other; whoever changes it rings the bell."""

    bell: Bell = field(default_factory=Bell)
    stopping: bool = False
    renewal_asked: bool = False

    @property
    def breaks_off(self) -> bool:
        """Whether what a session is for breaks off: the host stops, or a new session is due."""
        return self.stopping or self.renewal_asked

    def stop(self) -> None:
        """Ask everything to end gracefully."""
        self.stopping = True
        self.bell.ring()

    async def unless_stopping(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """What `work` returns; None, and `work` is cancelled, where a stop is asked for first.

        What `work` raises after that is no news either.
        """
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self.bell.wait_until(lambda: self.stopping))
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            is_news = working.done() and not (self.stopping and working.exception())
            return working.result() if is_news else None
        finally:
            working.cancel()
            stopping.cancel()

    def ask_renewal(self) -> None:
        """Ask for a new session with a new snapshot."""
        self.renewal_asked = True
        self.bell.ring()


@dataclass(frozen=True)
class Parts:
    """What everything works with."""

    source: SourceDriver
    pusher: PusherDriver
    options: HostOptions
    control: Control
    progress: Progress
    rivals: Rivals
    readers: list[Reader] = field(default_factory=list)
    """Those whose threads have not ended, as far as anybody has looked."""

    async def pause(self, attempt: int, err: RetryableError) -> bool:
        """Wait before the next attempt at the pusher, longer each time; False when the host stops meanwhile."""
        config = self.pusher.config
        seconds = pause_sec(config.retry_delay_sec, attempt, self.options.backoff_max_sec)
        self.progress.pusher_failed(str(err))
        what = f"attempt {attempt} of {config.max_retries}, next in {seconds:.3g} s"
        _log.warning("The pusher %r failed (%s): %s", self.pusher.id, what, err)
        return not await self.control.bell.wait_until(lambda: self.control.stopping, seconds)

    async def committed_index(self, session: Session) -> int:
        """The index up to which everything is durable, by the pusher's own word; -1 for none."""
        with self.progress.under_way.call(self.pusher, "get_latest_committed_index"):
            return await session.committed_index()

    def acknowledge(self, index: int) -> None:
        """Tell the source that everything up to an index is durable."""
        with self.progress.under_way.call(self.source, "acknowledge"):
            self.source.acknowledge(index)

    @property
    def audits(self) -> bool:
        """Whether this run takes audits, and they find something."""
        options = self.options
        return "get_audit_iterator" in self.source.capabilities and options.audit_interval_sec > 0 and not options.once

    def reader(
        self,
        phase: MessageSource,
        *,
        position: int = -1,
        bounds: Mapping[str, Any] = MappingProxyType({}),
        pause_after: Callable[[EventBase], bool] | None = None,
        linger_sec: float = 0.0,
    ) -> Reader:
        """What reads a phase in a thread of its own, not started yet; arguments as of `open_phase` and `Reader`."""
        source, batch_size = self.source, self.pusher.config.batch_size
        reader = Reader(
            phase.value,
            lambda stop: open_phase(source, phase, stop, position=position, batch_size=batch_size, bounds=bounds),
            source.config.max_queue_size,
            limit_bytes=self.options.read_ahead_bytes,
            pause_after=pause_after,
            linger_sec=linger_sec,
            on_attempt=partial(self.progress.attempted, phase),
        )
        self.readers.append(reader)
        return reader

    async def join(self, reader: Reader) -> None:
        """Stop a reader's thread; a driver that ignores `stop_event` is named in the log."""
        if await reader.join():
            if reader in self.readers:
                self.readers.remove(reader)
        else:
            _log.warning("The source %r does not stop: its %s iterator ignores stop_event", self.source.id, reader.name)
