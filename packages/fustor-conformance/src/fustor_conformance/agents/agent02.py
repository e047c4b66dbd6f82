"""A simulator of fustor-agent 0.2.16: one sync, as its transcripts show it."""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import suppress
from typing import Any

from fustor_conformance.agents.recorder import RecordingPusher
from fustor_conformance.agents.simulator import BusProducer, FieldsTracker, Simulator, construct
from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import DriverError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_event_model import EventBase, MessageSource, UpdateEvent

__all__ = ["Agent02"]

_TASK_ID = "agent:sync"
_SYNC_ID = "sync"
_POLL_SEC = 0.2
_QUEUE = 100
_JOIN_SEC = 5.0


class CountingPusher(RecordingPusher):
    """Takes everything and keeps nothing, since the transcript has it; for simulations that are about the source."""

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        """Take them."""
        del events, kwargs
        return {"success": True, "snapshot_needed": False}


class Agent02(Simulator):
    """Two instances of the source, a bus with a filter, single-event snapshot pushes, a trigger event, no audit.

    The agent ignores what `push` answers. Without a pusher, everything is taken and found in the transcript.
    """

    def __init__(
        self,
        source_class: type[SourceDriver],
        source_config: SourceConfig,
        pusher_class: type[PusherDriver | RecordingPusher] = CountingPusher,
        pusher_config: PusherConfig | None = None,
        *,
        source_id: str = "s",
        join_sec: float = 5.0,
        pusher_id: str = "p",
    ) -> None:
        super().__init__(source_class, source_config, source_id=source_id, join_sec=join_sec)
        self.pusher_class = pusher_class
        self.pusher_config = pusher_config or PusherConfig(driver="counting", endpoint="memory:")
        self.pusher_id = pusher_id
        self._session_id: Any = None
        self._snapshot: asyncio.Task[None] | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """One sync from its start to its stop."""
        record = self.recorder
        record.called("get_needed_fields", endpoint=self.pusher_config.endpoint)
        await self.pusher_class.get_needed_fields(endpoint=self.pusher_config.endpoint)
        source = construct(record, self.source_class, self.source_id, self.source_config)
        self._pusher = construct(record, self.pusher_class, self.pusher_id, self.pusher_config)
        self._source: SourceDriver = source
        main = asyncio.ensure_future(self._control())
        stopper = asyncio.ensure_future(stopping.wait())
        await asyncio.wait([main, stopper], return_when=asyncio.FIRST_COMPLETED)
        self.settled.set()
        await stopping.wait()
        main.cancel()
        await asyncio.gather(main, return_exceptions=True)
        record.called("pusher.close")
        await self._pusher.close()
        record.called("close")
        await source.close()
        if self._producer is not None:  # the bus's own instance is never closed, its stop event is set
            await self._producer.stop()

    _producer: BusProducer | None = None

    async def _control(self) -> None:
        heartbeats: asyncio.Task[None] | None = None
        try:
            start = await self._open_session()
            heartbeats = asyncio.ensure_future(self._heartbeats())
            messages = asyncio.ensure_future(self._messages(start))
            done, pending = await asyncio.wait([heartbeats, messages], return_when=asyncio.FIRST_COMPLETED)
            await _cancel(*pending)
            for task in done:
                task.result()
        except Exception as err:  # noqa: BLE001 - the agent puts the sync in ERROR, whatever it was
            self.recorder.failed("sync", err)
        finally:
            await _cancel(*(task for task in (heartbeats, self._snapshot) if task is not None))

    async def _open_session(self) -> int:
        self.recorder.called("create_session", _TASK_ID)
        session = await self._pusher.create_session(_TASK_ID)
        self._session_id = session.get("session_id")
        self._interval_sec = session.get("suggested_heartbeat_interval_seconds", 10)
        self.recorder.called("get_latest_committed_index", session_id=self._session_id)
        return int(await self._pusher.get_latest_committed_index(session_id=self._session_id))

    async def _heartbeats(self) -> None:
        while True:
            self.recorder.called("heartbeat", session_id=self._session_id)
            await self._pusher.heartbeat(session_id=self._session_id)
            await asyncio.sleep(self._interval_sec)

    async def _messages(self, start: int) -> None:
        source = construct(self.recorder, self.source_class, self.source_id, self.source_config)
        producer = BusProducer(source, start, self.recorder, self.join_sec)
        self._producer = producer
        await producer.start()
        if producer.position_lost:
            self._snapshot = asyncio.ensure_future(self._run_snapshot())
        self.settled.set()
        triggered = False
        while True:
            events = await producer.bus.take(self.pusher_config.batch_size, _POLL_SEC)
            if not events and not triggered:
                triggered = True
                events = [
                    UpdateEvent(event_schema=self.source_id, table="initial_trigger", rows=[], index=start, fields=[])
                ]
            if events:
                await self._push(events, MessageSource.REALTIME, session_id=self._session_id, is_snapshot_end=False)
                producer.bus.commit(events[-1].index)

    async def _push(self, events: list[EventBase], phase: MessageSource, **kwargs: Any) -> None:
        """Push with a source type for a snapshot only: realtime carries none."""
        if phase is MessageSource.SNAPSHOT:
            kwargs["source_type"] = phase.value
        self.recorder.called("push", len(events), **kwargs)
        await self._pusher.push(events=events, **kwargs)
        self.recorder.delivered(phase, kwargs.get("source_type"), events, is_end=bool(kwargs.get("is_snapshot_end")))

    async def _run_snapshot(self) -> None:
        events: queue.Queue[EventBase | Exception | None] = queue.Queue(maxsize=_QUEUE)
        stop = threading.Event()
        thread = threading.Thread(target=self._read_snapshot, args=(events, stop), name="snapshot", daemon=True)
        thread.start()
        try:
            if await self._push_snapshot(events):
                await self._push(
                    [], MessageSource.SNAPSHOT, task_id=_SYNC_ID, session_id=self._session_id, is_snapshot_end=True
                )
                self.recorder.ended(MessageSource.SNAPSHOT)
        except Exception as err:  # noqa: BLE001 - the agent logs it and never sends the end
            self.recorder.failed("snapshot", err)
        finally:
            stop.set()
            _drain(events)
            await asyncio.to_thread(thread.join, _JOIN_SEC)
            if thread.is_alive():
                self.recorder.leaked(thread.name)

    async def _push_snapshot(self, events: queue.Queue[EventBase | Exception | None]) -> bool:
        """Push event by event; whether the snapshot came to its natural end."""
        while (event := await asyncio.to_thread(events.get)) is not None:
            if isinstance(event, Exception):
                raise event
            if not event.rows:
                continue
            try:
                await self._push([event], MessageSource.SNAPSHOT, session_id=self._session_id)
            except DriverError as err:
                if "419" in str(err) or "obsolete" in str(err).lower():
                    return False
                raise
        return True

    def _read_snapshot(self, events: queue.Queue[EventBase | Exception | None], stop: threading.Event) -> None:
        tracker = FieldsTracker()
        batch_size = self.pusher_config.batch_size
        try:
            self.recorder.called("get_snapshot_iterator", batch_size=batch_size, required_fields_tracker=...)
            iterator = self._source.get_snapshot_iterator(batch_size=batch_size, required_fields_tracker=tracker)
            for event in iterator:
                if stop.is_set():
                    break
                events.put(event)
        except Exception as err:  # noqa: BLE001 - the agent hands whatever it is to its loop
            events.put(err)
        finally:
            events.put(None)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _drain(events: queue.Queue[Any]) -> None:
    """Free whoever waits at either end of the queue, where the agent lets it hang."""
    with suppress(queue.Empty):
        while True:
            events.get_nowait()
    with suppress(queue.Full):
        events.put_nowait(None)
