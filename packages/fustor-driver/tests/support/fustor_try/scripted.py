"""Drivers that do what a test tells them, and note what the host did."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import DriverError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_event_model.models import EventBase, LifecycleSignal, MessageSource, UpdateEvent


def event(path: str, phase: MessageSource = MessageSource.REALTIME, index: int = -1) -> EventBase:
    row = {"path": path, "mtime": 1.0, "size": 1, "parent_mtime": 1.0}
    return UpdateEvent(fields=list(row), rows=[row], index=index, event_schema="try", table="", message_source=phase)


def signal(which: LifecycleSignal) -> EventBase:
    return UpdateEvent(
        fields=[], rows=[], event_schema="try", table="", message_source=MessageSource.AUDIT, signal=which
    )


def listing(*paths: str) -> Callable[[], Iterator[EventBase]]:
    """A snapshot of these paths."""
    return lambda: iter([event(path, MessageSource.SNAPSHOT) for path in paths])


def raising(err: Exception | type[Exception], when: Callable[[Any], object] = lambda _: True) -> Callable[[Any], None]:
    """An answer that is this error, where `when` holds of what is asked."""

    def answer(asked: Any) -> None:
        if when(asked):
            raise err

    return answer


@dataclass(frozen=True)
class Pushed:
    """A batch that the pusher took."""

    session: str
    phase: str
    paths: tuple[str, ...]
    end: bool
    signal: LifecycleSignal | None


@dataclass
class Notes:
    """What both drivers saw, in order."""

    calls: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.calls.append(text)


def scripted_source(**changes: Any) -> ScriptedSource:
    settings = {"driver": "scripted", "uri": "x", "retry_delay_sec": 0.001, "max_retries": 3} | changes
    return ScriptedSource("source", SourceConfig(**settings))


def scripted_pusher(**changes: Any) -> ScriptedPusher:
    settings = {"driver": "scripted", "endpoint": "x", "retry_delay_sec": 0.001, "max_retries": 3} | changes
    return ScriptedPusher("pusher", PusherConfig(**settings))


class ScriptedSource(SourceDriver):
    """Tells `snapshot`, then whatever is put into `changes`; `audit` makes the items of an audit."""

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self.notes = Notes()
        self.snapshot: Callable[[], Iterator[EventBase]] = lambda: iter(())
        self.audit: Callable[[], Iterator[Any]] = lambda: iter(())
        self.changes: queue.Queue[EventBase | DriverError | None] = queue.Queue()
        self.available: set[int] = set()
        self.acknowledged: list[int] = []
        self.yielded = 0
        self.closed = threading.Event()

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        self.notes.note("snapshot")
        self.snapshot_stop = kwargs["stop_event"]
        return self.snapshot()

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        self.notes.note(f"realtime from {start_position}")
        return self._follow(kwargs["stop_event"])

    def _follow(self, stop: threading.Event) -> Iterator[EventBase]:
        while not stop.is_set():
            try:
                change = self.changes.get(timeout=0.005)
            except queue.Empty:
                continue
            if change is None:
                return
            if isinstance(change, DriverError):
                raise change
            self.yielded += 1
            yield change

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[Any]:
        del kwargs
        self.notes.note("audit")
        return self.audit()

    def is_position_available(self, position: int) -> bool:
        return position in self.available

    def acknowledge(self, index: int) -> None:
        self.acknowledged.append(index)

    async def close(self) -> None:
        self.closed.set()

    @classmethod
    async def get_available_fields(cls, **_: Any) -> dict[str, Any]:
        return {}


class ScriptedPusher(PusherDriver):
    """Takes everything, unless `answer` says otherwise: it is asked before a batch is taken, and may raise."""

    def __init__(self, id: str, config: PusherConfig) -> None:
        super().__init__(id, config)
        self.notes = Notes()
        self.taken: list[Pushed] = []
        self.tried: list[Pushed] = []
        self.sessions: list[str] = []
        self.committed = -1
        self.heartbeats: list[str] = []
        self.interval_sec = 10.0
        self.answer: Callable[[Pushed], dict[str, Any] | None] = lambda _: None
        self.heartbeat_answer: Callable[[str], None] = lambda _: None
        self.opening: Callable[[int], None] = lambda _: None
        self.slow: dict[tuple[str, ...], float] = {}
        self.session_answer: Any = None
        self.closed = False

    async def create_session(self, task_id: str, **_: Any) -> dict[str, Any]:
        self.notes.note(f"session of {task_id}")
        self.opening(len(self.sessions))
        self.sessions.append(f"session-{len(self.sessions) + 1}")
        if self.session_answer is not None:
            return self.session_answer
        return {"session_id": self.sessions[-1], "suggested_heartbeat_interval_seconds": self.interval_sec}

    async def get_latest_committed_index(self, **_: Any) -> int:
        self.notes.note("committed")
        return self.committed

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        batch = Pushed(
            session=kwargs["session_id"],
            phase=kwargs["source_type"],
            paths=tuple(row["path"] for event in events for row in event.rows),
            end=kwargs["is_snapshot_end"],
            signal=events[0].signal if events else None,
        )
        self.tried.append(batch)
        reply = self.answer(batch)
        if batch.paths in self.slow:
            await asyncio.sleep(self.slow[batch.paths])
            self.notes.note(f"took {batch.paths}")
        if reply is None or reply.get("success", True):
            self.taken.append(batch)
        return reply or {"success": True, "snapshot_needed": False}

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        self.heartbeats.append(kwargs["session_id"])
        self.heartbeat_answer(kwargs["session_id"])
        return {}

    async def close(self) -> None:
        self.closed = True

    @classmethod
    async def get_needed_fields(cls, **_: Any) -> dict[str, Any]:
        return {}

    def paths(self, phase: str, session: str | None = None) -> list[str]:
        return [
            path
            for batch in self.taken
            if batch.phase == phase and session in (None, batch.session)
            for path in batch.paths
        ]

    def ends(self) -> list[str]:
        return [batch.session for batch in self.taken if batch.end]

    def signals(self) -> list[LifecycleSignal]:
        return [batch.signal for batch in self.taken if batch.signal]
