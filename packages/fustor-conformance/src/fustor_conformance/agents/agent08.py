"""A simulator of fustor-agent 0.8.17: one pipe, as its transcripts show it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from fustor_conformance.agents.phases08 import Phases
from fustor_conformance.agents.pipe08 import Pauses, Pipe
from fustor_conformance.agents.receiver import Receiver
from fustor_conformance.agents.simulator import THREAD_QUEUE, BusProducer, Simulator, construct
from fustor_core.drivers import SourceDriver
from fustor_core.models.config import SourceConfig

__all__ = ["Agent08"]

_CLASS_SUFFIX = "Driver"


class Agent08(Simulator):
    """One instance for bus and pipe, discovery without keywords, a snapshot in every session, audits with a cache.

    What reads the bus begins a second after the session, and not while there is no session. A part that fails ends
    the session, and the next begins. The real pauses are long, so a simulation may pass shorter `pauses`.
    Without a sender, a counting one sends to `receiver`; `sender_config` is what a sender's configuration has.
    """

    def __init__(
        self,
        source_class: type[SourceDriver],
        source_config: SourceConfig,
        *,
        source_id: str = "s",
        join_sec: float = 5.0,
        pauses: Pauses | None = None,
        receiver: Receiver | None = None,
        sender_class: Callable[..., Any] | None = None,
        sender_config: dict[str, Any] | None = None,
        thread_queue: int = THREAD_QUEUE,
    ) -> None:
        super().__init__(source_class, source_config, source_id=source_id, join_sec=join_sec)
        self._pauses = pauses or Pauses()
        self._thread_queue = thread_queue
        self._sender_class = sender_class or (receiver or Receiver()).sender()
        self._sender_config = {"endpoint": "memory:", "credential": {}, "config": {}} | (sender_config or {})
        self._pipe: Pipe | None = None

    def audit(self) -> None:
        """Trigger an audit now, as the agent's command does; wait for `audits_ended` to see its end."""
        if self._loop is not None and self._pipe is not None:
            self._loop.call_soon_threadsafe(self._pipe.audit_asked.set)

    async def run(self, stopping: asyncio.Event) -> None:
        """One pipe from its start to its stop."""
        source: SourceDriver = construct(self.recorder, self.source_class, self.source_id, self.source_config)
        producer = BusProducer(source, 0, self.recorder, self.join_sec, thread_queue=self._thread_queue)
        await producer.start()
        self.recorder.called("sender.__init__")
        sender = self._sender_class(sender_id="e", **self._sender_config)
        pipe = Pipe(Phases(source, sender, producer, self.recorder), _source_type(source), self._pauses)
        self._pipe = pipe
        self.settled.set()
        if await self._is_initialized(source):
            await self._live(pipe, stopping)
            await self._close(source)
            await pipe.call("close")
        else:
            await stopping.wait()
        await producer.stop()  # only now: the stream meets a closed driver first

    async def _live(self, pipe: Pipe, stopping: asyncio.Event) -> None:
        await pipe.call("connect")
        control = asyncio.ensure_future(pipe.control())
        await stopping.wait()
        control.cancel()
        await asyncio.wait([control])
        await pipe.stop()

    async def _is_initialized(self, source: Any) -> bool:
        """Call what the agent's adapter looks for on a driver; a pipe whose driver raises is in ERROR for good."""
        try:
            for name in ("initialize", "connect"):
                method = getattr(source, name, None)
                if method is not None:
                    self.recorder.called(name)
                    await method()
                    break
            if getattr(source, "require_schema_discovery", True):
                self.recorder.called("get_available_fields")
                await source.get_available_fields()
        except Exception as err:  # noqa: BLE001 - whatever it was, the agent calls this driver no more, not even to close
            self.recorder.failed("discovery", err)
            return False
        return True

    async def _close(self, source: SourceDriver) -> None:
        self.recorder.called("close")
        closed: Any = source.close()  # a plain function is tolerated
        if inspect.isawaitable(closed):
            await closed


def _source_type(source: Any) -> str:
    """The driver's `schema_name`, or what the agent makes of the name of its class."""
    guess = type(source).__name__.removesuffix(_CLASS_SUFFIX).lower()
    return str(getattr(source, "schema_name", guess))
