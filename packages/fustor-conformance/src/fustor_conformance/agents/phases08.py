"""What a pipe of agent 0.8.17 reads and sends: snapshot, realtime, audits, sentinel checks, scans on demand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from fustor_conformance.agents.simulator import BusProducer
from fustor_conformance.agents.transcript import Recorder
from fustor_core.drivers import SourceDriver
from fustor_event_model import AuditItem, EventBase, MessageSource

__all__ = ["Phases"]

_BATCH = 100
_POLL_SEC = 0.2
_IDLE_SEC = 0.1
_RETRY_SEC = 1.0
_QUEUE = 1000
_PHASE_JOIN_SEC = 0.5
_ON_DEMAND = "on_demand_job"
_SOURCE_TYPES = {
    MessageSource.SNAPSHOT: "snapshot",
    MessageSource.REALTIME: "message",
    MessageSource.AUDIT: "audit",
}


class SendError(Exception):
    """The sender did not take a batch of a snapshot."""


class Phases:
    """Each phase by itself, for one source and one sender; which of them run, and when, is the pipe's affair."""

    def __init__(self, source: SourceDriver, sender: Any, producer: BusProducer, recorder: Recorder) -> None:
        self.source: Any = source
        self.sender = sender
        self.recorder = recorder
        self.mtime_cache: dict[str, float] = {}
        self.is_realtime = False
        self.heard: Callable[[dict[str, Any]], Awaitable[None]] = _ignored
        self._producer = producer

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What a method of the sender answers."""
        self.recorder.called(f"sender.{method}", *args, **kwargs)
        return await getattr(self.sender, method)(*args, **kwargs)

    async def snapshot(self) -> None:
        """Everything, then two ends.

        Raises:
            SendError: a batch was not taken; the last of all may be lost unseen.
        """
        self.recorder.called("get_snapshot_iterator")
        batch: list[EventBase] = []
        async for event in self._iterated(self.source.get_snapshot_iterator()):
            batch.append(event)
            if len(batch) >= _BATCH:
                if not await self._send(MessageSource.SNAPSHOT, batch):
                    raise SendError("A batch of the snapshot was not taken")
                batch = []
        await self._send(MessageSource.SNAPSHOT, batch, is_end=True)
        await self._send(MessageSource.SNAPSHOT, [], is_end=True)
        self.recorder.ended(MessageSource.SNAPSHOT)

    async def messages(self) -> None:
        """What the bus has; a batch that is not taken is sent again."""
        bus = self._producer.bus
        while True:
            events = await bus.take(_BATCH, _POLL_SEC)
            self.is_realtime = True
            if not events:
                await asyncio.sleep(_IDLE_SEC)
            elif await self._send(MessageSource.REALTIME, events):
                bus.commit(events[-1].index)
            else:
                await asyncio.sleep(_RETRY_SEC)

    async def audit(self) -> None:
        """One audit; its end is sent even if it broke off, and nobody minds a batch that is not taken."""
        self.recorder.called("get_audit_iterator", mtime_cache=dict(self.mtime_cache))
        batch: list[EventBase] = []
        try:
            async for item in self._iterated(self.source.get_audit_iterator(mtime_cache=self.mtime_cache)):
                event = self._cached(item)
                if event is not None:
                    batch.append(event)
                if len(batch) >= _BATCH:
                    await self._send(MessageSource.AUDIT, batch)
                    batch = []
            if batch:
                await self._send(MessageSource.AUDIT, batch)
        finally:
            if await self._send(MessageSource.AUDIT, [], is_end=True):
                await self.call("signal_audit_end")
            self.recorder.ended(MessageSource.AUDIT)

    async def sentinel(self) -> None:
        """Have the driver look at what the receiver doubts; on the loop, whatever it costs."""
        try:
            task = await self.call("get_sentinel_tasks")
            if task and task.get("paths") and self._has("perform_sentinel_check"):
                self.recorder.called("perform_sentinel_check", task)
                found = self.source.perform_sentinel_check(task)
                if found:
                    await self.call("submit_sentinel_results", found)
        except Exception as err:  # noqa: BLE001 - the agent logs it and goes on
            self.recorder.failed("sentinel", err)

    async def scan(self, path: str, recursive: bool, job_id: str | None) -> None:
        """Read a part of the source anew; on the loop, whatever it costs. A driver without the method scans nothing."""
        try:
            events: list[EventBase] = []
            if self._has("scan_path"):
                self.recorder.called("scan_path", path, recursive=recursive)
                events = list(self.source.scan_path(path, recursive=recursive))
            for start in range(0, len(events), _BATCH):
                await self._send(MessageSource.SNAPSHOT, events[start : start + _BATCH], source_type=_ON_DEMAND)
            about = {"scan_path": path} | ({"job_id": job_id} if job_id else {})
            await self.call("send_events", events=[], source_type="job_complete", is_end=False, metadata=about)
        except Exception as err:  # noqa: BLE001 - the agent logs it and goes on
            self.recorder.failed("scan", err)

    async def _send(
        self, phase: MessageSource, events: list[EventBase], *, is_end: bool = False, source_type: str | None = None
    ) -> bool:
        """Whether the sender took a batch."""
        said = source_type or _SOURCE_TYPES[phase]
        answer = await self.call("send_events", events=events, source_type=said, is_end=is_end, metadata=None) or {}
        is_taken = bool(answer.get("success"))
        if is_taken:
            self.recorder.delivered(phase, said, events, is_end=is_end)
            if phase is not MessageSource.AUDIT:
                await self.heard(answer)
        return is_taken

    def _has(self, method: str) -> bool:
        """Whether the driver itself has a method: those of the release's base class answer nothing."""
        return getattr(type(self.source), method, None) is not getattr(SourceDriver, method, None)

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


async def _ignored(answer: dict[str, Any]) -> None:
    """For phases that no pipe has taken."""
    del answer


def _read(items: Iterator[Any], hand_over: Callable[[str, Any], None], stop: threading.Event) -> None:
    try:
        for item in items:
            if stop.is_set():
                return
            hand_over("item", item)
    except Exception as err:  # noqa: BLE001 - handed to the loop, which ends the phase with it
        hand_over("error", err)
    hand_over("end", None)
