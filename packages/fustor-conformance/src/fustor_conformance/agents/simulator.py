"""What both simulated agents share: a loop in a thread of its own, the bus with its producer, and a transcript.

A simulator drives a driver exactly as the released agent does, faults included; it is a test bench, no host to run.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self

from fustor_conformance.agents.bus import BusFailedError, MemoryBus
from fustor_conformance.agents.transcript import Recorder, Transcript
from fustor_core.drivers import SourceDriver
from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase

__all__ = [
    "THREAD_QUEUE",
    "BusProducer",
    "FieldsTracker",
    "Simulator",
    "construct",
]

THREAD_QUEUE = 100
"""Events that the agents' thread holds before their bus."""
_JOIN_SEC = 5.0
_PUT_SEC = 0.1
_END = None


class FieldsTracker:
    """The agents' `required_fields_tracker`, its trap included: without a mapping, `get_fields()` raises."""

    def __init__(self) -> None:
        self._fields: set[str] | None = set()
        self._lock = threading.Lock()
        self._changed = threading.Event()

    def get_fields(self) -> set[str]:
        """The fields wanted; an empty set means all.

        Raises:
            AttributeError: a subscriber wants all fields, as it does when no mapping is configured.
        """
        with self._lock:
            return self._fields.copy()  # type: ignore[union-attr]

    def update_fields(self, fields: set[str] | None) -> None:
        """Set the fields; None is what the agent sets for "all"."""
        with self._lock:
            if self._fields != fields:
                self._fields = fields
                self._changed.set()

    def clear_event(self) -> None:
        """Forget that the fields changed."""
        self._changed.clear()

    def wait_for_change(self, timeout: float | None = None) -> bool:
        """Whether the fields changed within the time."""
        return self._changed.wait(timeout)


class BusProducer:
    """The bus and the thread that feeds it from `get_message_iterator`."""

    def __init__(
        self,
        source: SourceDriver,
        start_position: int,
        recorder: Recorder,
        join_sec: float,
        *,
        thread_queue: int = THREAD_QUEUE,
    ) -> None:
        self.source = source
        self.bus = MemoryBus(source.config.max_queue_size, start_position, recorder.changed)
        recorder.watch(self.bus)
        self.position_lost = False
        self.tracker = FieldsTracker()
        self._start = start_position
        self._join_sec = join_sec
        self._recorder = recorder
        self._stop_event = threading.Event()
        self._abandoned = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._events: queue.Queue[EventBase | Exception | None] = queue.Queue(maxsize=thread_queue)
        self._thread = threading.Thread(target=self._produce, name="bus-producer", daemon=True)
        self._feeder: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the thread and wait until the source's stream is open, or failed to open; then subscribe."""
        self._feeder = asyncio.ensure_future(self._feed())
        self._thread.start()
        await self._ready.wait()
        self.tracker.update_fields(None)

    async def stop(self) -> None:
        """Stop as the agent does: the stop event, a cancelled task, five seconds for the thread."""
        self._stop_event.set()
        if self._feeder is not None:
            self._feeder.cancel()
            with suppress(asyncio.CancelledError):
                await self._feeder
        self._abandoned.set()
        with suppress(queue.Full):
            self._events.put_nowait(_END)  # frees a getter that waits in a thread of the loop
        await asyncio.to_thread(self._thread.join, self._join_sec)
        if self._thread.is_alive():
            self._recorder.leaked(self._thread.name)

    def _produce(self) -> None:
        try:
            for event in self._open():
                self._recorder.streamed(event)
                if self._stop_event.is_set() or self.source._stop_driver_event.is_set():  # type: ignore[attr-defined]  # noqa: SLF001 - what both agents read, though no release declares it
                    break
                self._hand_over(event)
        except Exception as err:  # noqa: BLE001 - the agent hands whatever it is to its loop, which fails the bus
            self._hand_over(err)
        finally:
            self._mark_ready()
            self._hand_over(_END)

    def _hand_over(self, event: EventBase | Exception | None) -> None:
        while not self._abandoned.is_set():  # where the agent's thread would hang for ever on its full queue
            try:
                self._events.put(event, timeout=_PUT_SEC)
            except queue.Full:
                continue
            return

    def _open(self) -> Iterator[EventBase]:
        self._recorder.called("is_position_available", self._start)
        self.position_lost = not self.source.is_position_available(self._start)
        position = -1 if self.position_lost else self._start
        self._recorder.called(
            "get_message_iterator", start_position=position, stop_event=..., required_fields_tracker=...
        )
        iterator = self.source.get_message_iterator(
            start_position=position, stop_event=self._stop_event, required_fields_tracker=self.tracker
        )
        self._mark_ready()
        return iterator

    def _mark_ready(self) -> None:
        with suppress(RuntimeError):  # the loop is gone: this thread outlived the agent
            self._loop.call_soon_threadsafe(self._ready.set)

    async def _feed(self) -> None:
        while (event := await asyncio.to_thread(self._events.get)) is not _END:
            if isinstance(event, Exception):
                self._fail(event)
                return
            try:
                await self.bus.put(event, transient=self.source.is_transient)
            except BusFailedError as err:
                self._fail(err)
                self._stop_event.set()
                return

    def _fail(self, err: Exception) -> None:
        self._recorder.failed("bus", err)
        self.bus.fail(str(err))


class Simulator(ABC):
    """A context manager: entered, the agent runs; left, it is stopped as the agent stops.

    Change the world inside, wait with `wait_for`, and look at `transcript` at any time. `join_sec` is the time that
    the stream's thread has to end: five seconds in the agents.
    """

    def __init__(
        self,
        source_class: type[SourceDriver],
        source_config: SourceConfig,
        *,
        source_id: str = "s",
        join_sec: float = _JOIN_SEC,
    ) -> None:
        self.source_class = source_class
        self.source_config = source_config
        self.source_id = source_id
        self.join_sec = join_sec
        self.recorder = Recorder()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self.settled = threading.Event()
        """The stream is open, or will never be: from now on, changes of the world must be delivered."""
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="agent-loop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self.settled.wait(_JOIN_SEC * 4):
            self.recorder.failed("start", "the stream did not open in time")
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_JOIN_SEC * 6)
        if self._thread.is_alive():
            self.recorder.leaked(self._thread.name)
        if self._error is not None:
            raise self._error

    @property
    def transcript(self) -> Transcript:
        """Everything so far."""
        return self.recorder.transcript()

    def wait_for(self, condition: Callable[[Transcript], bool], timeout_sec: float = 10.0) -> bool:
        """Whether the condition came true within the time."""
        return self.recorder.wait_for(condition, timeout_sec)

    @abstractmethod
    async def run(self, stopping: asyncio.Event) -> None:
        """What the agent does until `stopping`; sets `settled` once its stream is open, or will never be."""

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as err:  # noqa: BLE001 - raised again in the thread that leaves the context
            self._error = err
        finally:
            self.settled.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await self.run(self._stopping)


def construct(recorder: Recorder, driver: Callable[..., Any], id: str, config: Any) -> Any:
    """A driver, constructed positionally as both agents do."""
    recorder.called("__init__", id, config)
    return driver(id, config)
