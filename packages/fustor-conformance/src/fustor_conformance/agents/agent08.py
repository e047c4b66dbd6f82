"""A simulator of fustor-agent 0.8.17: one pipe with the leader's role, as its transcripts show it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from fustor_conformance.agents.simulator import BusProducer, Simulator, construct
from fustor_core.drivers import SourceDriver
from fustor_core.models.config import SourceConfig
from fustor_event_model import AuditItem, EventBase, MessageSource

__all__ = ["Agent08"]

_BATCH = 100
_POLL_SEC = 0.2
_IDLE_SEC = 0.1
_QUEUE = 1000
_PHASE_JOIN_SEC = 0.5
_STOP_SEC = 2.0
_SOURCE_TYPES = {
    MessageSource.SNAPSHOT: "snapshot",
    MessageSource.REALTIME: "message",
    MessageSource.AUDIT: "audit",
}


class Agent08(Simulator):
    """One instance for bus and pipe, discovery without keywords, snapshots after every failure, audits with a cache.

    The real pauses are long, so a simulation passes shorter ones: `audit_interval_sec` (0: only by `audit()`),
    `backoff_sec`. A send takes `send_sec`.
    """

    def __init__(
        self,
        source_class: type[SourceDriver],
        source_config: SourceConfig,
        *,
        source_id: str = "s",
        join_sec: float = 5.0,
        audit_interval_sec: float = 0.0,
        backoff_sec: float = 5.0,
        send_sec: float = 0.0,
    ) -> None:
        super().__init__(source_class, source_config, source_id=source_id, join_sec=join_sec)
        self.audit_interval_sec = audit_interval_sec
        self.backoff_sec = backoff_sec
        self.send_sec = send_sec
        self.mtime_cache: dict[str, float] = {}
        self._audit_asked = asyncio.Event()

    def audit(self) -> None:
        """Trigger an audit now, as the agent's command does; wait for `audits_ended` to see its end."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._audit_asked.set)

    async def run(self, stopping: asyncio.Event) -> None:
        """One pipe from its start to its stop."""
        source: SourceDriver = construct(self.recorder, self.source_class, self.source_id, self.source_config)
        producer = BusProducer(source, 0, self.recorder, self.join_sec)
        await producer.start()
        self.settled()
        control = asyncio.ensure_future(self._pipe(source, producer))
        await stopping.wait()
        control.cancel()
        await asyncio.wait([control], timeout=_STOP_SEC)
        self.recorder.called("close")
        closed: Any = source.close()  # a plain function is tolerated
        if inspect.isawaitable(closed):
            await closed
        await producer.stop()  # only now: the stream meets a closed driver first

    async def _pipe(self, source: SourceDriver, producer: BusProducer) -> None:
        try:
            await self._initialize(source)
        except Exception as err:  # noqa: BLE001 - the agent puts the pipe in ERROR for good, whatever it was
            self.recorder.failed("discovery", err)
            return
        while True:
            self.mtime_cache.clear()
            self.recorder.called("(session)")
            failed = await self._session(source, producer)
            self.recorder.failed(*failed)
            await asyncio.sleep(self.backoff_sec)

    async def _initialize(self, source: Any) -> None:
        """Call what the agent's adapter looks for on a driver."""
        for name in ("initialize", "connect"):
            method = getattr(source, name, None)
            if method is not None:
                self.recorder.called(name)
                await method()
                break
        if getattr(source, "require_schema_discovery", True):
            self.recorder.called("get_available_fields")
            await source.get_available_fields()

    async def _session(self, source: SourceDriver, producer: BusProducer) -> tuple[str, BaseException]:
        """Snapshot, realtime and audits together until one of them fails; which, and why."""
        tasks = {
            "snapshot": asyncio.ensure_future(self._snapshot(source)),
            "bus": asyncio.ensure_future(self._messages(producer)),
            "audit": asyncio.ensure_future(self._audits(source)),
        }
        try:
            running = dict(tasks)
            while True:
                await asyncio.wait(running.values(), return_when=asyncio.FIRST_COMPLETED)
                for name, task in list(running.items()):
                    if task.done():
                        del running[name]
                        err = task.exception()
                        if err is not None:
                            return name, err
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _snapshot(self, source: SourceDriver) -> None:
        self.recorder.called("get_snapshot_iterator")
        batch: list[EventBase] = []
        async for event in self._iterated(source.get_snapshot_iterator()):
            batch.append(event)
            if len(batch) >= _BATCH:
                await self._send(MessageSource.SNAPSHOT, batch)
                batch = []
        await self._send(MessageSource.SNAPSHOT, batch, is_end=True)
        await self._send(MessageSource.SNAPSHOT, [], is_end=True)
        self.recorder.snapshot_ended()

    async def _send(self, phase: MessageSource, events: list[EventBase], *, is_end: bool = False) -> None:
        await asyncio.sleep(self.send_sec)
        self.recorder.delivered(phase, _SOURCE_TYPES[phase], events, is_end=is_end)

    async def _messages(self, producer: BusProducer) -> None:
        while True:
            events = await producer.bus.take(_BATCH, _POLL_SEC)
            if events:
                await self._send(MessageSource.REALTIME, events)
                producer.bus.commit(events[-1].index)
            else:
                await asyncio.sleep(_IDLE_SEC)

    async def _audits(self, source: SourceDriver) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.audit_interval_sec or None):
                    await self._audit_asked.wait()
            self._audit_asked.clear()
            try:
                await self._audit(source)
            except Exception as err:  # noqa: BLE001 - the agent's loop counts it, pauses and goes on
                self.recorder.failed("audit", err)
                await asyncio.sleep(self.backoff_sec)

    async def _audit(self, source: SourceDriver) -> None:
        self.recorder.called("get_audit_iterator", mtime_cache=dict(self.mtime_cache))
        batch: list[EventBase] = []
        try:
            async for item in self._iterated(source.get_audit_iterator(mtime_cache=self.mtime_cache)):
                event = self._cached(item)
                if event is not None:
                    batch.append(event)
                if len(batch) >= _BATCH:
                    await self._send(MessageSource.AUDIT, batch)
                    batch = []
            if batch:
                await self._send(MessageSource.AUDIT, batch)
        finally:  # also for an audit that broke off
            await self._send(MessageSource.AUDIT, [], is_end=True)
            self.recorder.audit_ended()

    def _cached(self, item: AuditItem) -> EventBase | None:
        if not isinstance(item, tuple):
            return item
        event, update = item
        self.mtime_cache.update(update)
        return event

    async def _iterated(self, items: Iterable[Any]) -> AsyncIterator[Any]:
        """The items of an iterator that is read in a thread of its own; lists are accepted as well."""
        found: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(maxsize=_QUEUE)
        stop = threading.Event()
        loop = asyncio.get_running_loop()

        def hand_over(kind: str, item: Any) -> None:
            if not stop.is_set():
                with suppress(RuntimeError, asyncio.CancelledError):
                    asyncio.run_coroutine_threadsafe(found.put((kind, item)), loop).result()

        thread = threading.Thread(target=_read, args=(iter(items), hand_over, stop), name="phase-producer", daemon=True)
        thread.start()
        try:
            while True:
                kind, item = await found.get()
                if kind == "error":
                    raise item
                if kind == "end":
                    return
                yield item
        finally:
            stop.set()
            while not found.empty():
                found.get_nowait()
            await asyncio.to_thread(thread.join, _PHASE_JOIN_SEC)
            if thread.is_alive():
                self.recorder.leaked(thread.name)


def _read(items: Iterator[Any], hand_over: Callable[[str, Any], None], stop: threading.Event) -> None:
    try:
        for item in items:
            if stop.is_set():
                return
            hand_over("item", item)
    except Exception as err:  # noqa: BLE001 - handed to the loop, which ends the phase with it
        hand_over("error", err)
    hand_over("end", None)
