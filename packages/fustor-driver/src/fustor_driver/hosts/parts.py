"""What every phase of the guide host works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.hosts.calls import committed_index, open_phase
from fustor_driver.hosts.counters import Progress
from fustor_driver.hosts.delivery import Control, Delivery, Outcome, Session
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.reader import Reader
from fustor_driver.redaction import safe_logger
from fustor_event_model import EventBase, MessageSource

__all__ = ["UNDELIVERED", "Parts"]

_log = safe_logger("fustor_driver.host")
UNDELIVERED = (Outcome.OBSOLETE, Outcome.STOPPED)
"""What becomes of a batch that the pusher does not have."""


@dataclass(frozen=True)
class Parts:
    """What every phase works with."""

    source: SourceDriver
    pusher: PusherDriver
    options: HostOptions
    control: Control
    progress: Progress
    delivery: Delivery
    readers: list[Reader] = field(default_factory=list)
    """Those whose threads have not ended, as far as anybody has looked."""

    async def push(self, session: Session, phase: MessageSource, events: list[EventBase]) -> Outcome:
        """Push a batch; it counts as in hand until it is through."""
        self.progress.holds(phase, len(events))
        outcome = await self.delivery.push(session, phase, events)
        if outcome not in UNDELIVERED:
            self.progress.holds(phase, 0)
        return outcome

    async def committed_index(self, session: Session) -> int:
        """The index up to which everything is durable, by the pusher's own word; -1 for none."""
        with self.progress.under_way.call(self.pusher, "get_latest_committed_index"):
            return await committed_index(self.pusher, session.id)

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
