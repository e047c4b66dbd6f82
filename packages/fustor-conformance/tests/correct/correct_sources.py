"""Sources that keep every rule in unusual ways: they batch, poll, are slow, have one row, or live on an event loop."""

# ruff: noqa: ARG002, ARG003 - a driver keeps the signature of what it replaces

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from kit_memory import SYSTEMS, Change, MemoryWorld, System
from kit_source import MemoryDriver

from fustor_core.drivers import SourceDriver
from fustor_core.models.config import SourceConfig
from fustor_event_model import DeleteEvent, EventBase, EventType, MessageSource, UpdateEvent

POLL_SEC = 0.15
LATE_SEC = 0.4
"""After agent 0.2 has made up its first event."""
CALL_SEC = 0.2
_numbers = itertools.count(1)


class BatchingPoller(MemoryDriver):
    """Looks every 150 ms, and tells neighbouring changes of one kind as one event with the last one's index."""

    poll_sec = POLL_SEC

    def follow(
        self, system: System, position: int, stop: threading.Event | None, end: int | None
    ) -> Iterator[EventBase]:
        while not self.stopped(stop):
            self.wait_until_up(system, stop)
            with system.changed:
                counter = system.counter
                changes = [
                    change for change in system.log[max(position - 1, 0) :] if end is None or change.index <= end
                ]
            shown = (change for change in changes if not self.is_excluded(change.path))
            for _, run in itertools.groupby(shown, key=self._alike):
                if self.stopped(stop):
                    return
                yield self._together(list(run))
            position = changes[-1].index if changes else position
            if end is not None and counter >= end:
                return
            (stop or self._stop_driver_event).wait(self.poll_sec)

    def _alike(self, change: Change) -> tuple[EventType, frozenset[str]]:
        row = self.change_row(change)
        return change.kind, frozenset({*row, *(row.get("record") or {})})

    def _together(self, changes: list[Change]) -> EventBase:
        self._touched += [change.path for change in changes]
        rows = {change.path: self.change_row(change) for change in changes}
        return self.event(changes[0].kind, list(rows.values()), MessageSource.REALTIME, changes[-1].index)


class QuickPoller(BatchingPoller):
    """The same, every 50 ms."""

    poll_sec = 0.05


class OncePerSecond(BatchingPoller):
    """The same, once a second."""

    poll_sec = 1.0


class Slow(MemoryDriver):
    """Every look at the system, every page of its log and every listing takes 200 ms."""

    def system(self) -> System:
        self._stop_driver_event.wait(CALL_SEC)
        return super().system()

    def pending(self, system: System, position: int, end: int | None) -> list[Change]:
        self._stop_driver_event.wait(CALL_SEC)
        return super().pending(system, position, end)

    def children(self, system: System, path: str) -> list[str] | None:
        self._stop_driver_event.wait(CALL_SEC)
        return super().children(system, path)


class OnALoop(MemoryDriver):
    """Reads its log in a coroutine, on an event loop of its own in a thread of its own."""

    def follow(
        self, system: System, position: int, stop: threading.Event | None, end: int | None
    ) -> Iterator[EventBase]:
        told: queue.Queue[EventBase | BaseException | None] = queue.Queue()
        thread = threading.Thread(
            target=lambda: asyncio.run(self._tell(told, super(OnALoop, self).follow(system, position, stop, end))),
            name="a loop",
        )
        thread.start()
        try:
            while (item := told.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            if self.stopped(stop):
                thread.join()

    async def _tell(self, told: queue.Queue[EventBase | BaseException | None], events: Iterator[EventBase]) -> None:
        try:
            while (event := await asyncio.to_thread(next, events, None)) is not None:
                told.put(event)
        except Exception as err:  # noqa: BLE001 - handed to whoever reads
            told.put(err)
        told.put(None)


class CreateOnlyWorld(MemoryWorld):
    operations = frozenset({"create", "nest"})


class SteadyWorld(MemoryWorld):
    """Changes take 20 ms, so that a poller finds some of them, and others the next time."""

    def create(self, key: str) -> str:
        threading.Event().wait(0.02)
        return super().create(key)


VALUES: dict[str, list[Any]] = {}


class OneRowWorld:
    """One value, which is there from the beginning; whatever is created or modified, it is this one."""

    operations = frozenset({"create", "modify"})

    def __enter__(self):
        self.uri = f"value://{next(_numbers)}"
        VALUES[self.uri] = [0]
        return self

    def __exit__(self, *exc_info):
        del VALUES[self.uri]

    def config(self) -> dict[str, Any]:
        return {"uri": self.uri}

    def create(self, key: str) -> str:
        VALUES[self.uri].append(len(VALUES[self.uri]))
        return "/things/value"

    def modify(self, path: str) -> None:
        self.create(path)

    def list(self) -> dict[str, dict[str, Any]]:
        value = VALUES[self.uri][-1]
        return {"/things/value": {"record": {"value": value}, "size": len(str(value))}}


class OneRow(SourceDriver):
    """Looks at its value every 50 ms; an index is how often it has changed."""

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self._stop_driver_event = threading.Event()

    @property
    def is_transient(self) -> bool:
        return False

    def is_position_available(self, position: int) -> bool:
        return 0 < position < len(VALUES.get(self.config.uri, ()))

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        yield self._event(len(VALUES[self.config.uri]) - 1, MessageSource.SNAPSHOT)

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        return iter(())

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        known = start_position if self.is_position_available(start_position) else len(VALUES[self.config.uri]) - 1
        return self._follow(known, kwargs.get("stop_event") or threading.Event())

    def _follow(self, known: int, stop: threading.Event) -> Iterator[EventBase]:
        while not (stop.is_set() or self._stop_driver_event.is_set()):
            latest = len(VALUES[self.config.uri]) - 1
            if latest > known:
                known = latest
                yield self._event(latest, MessageSource.REALTIME, latest)
            stop.wait(0.05)

    def _event(self, number: int, source: MessageSource, index: int = -1) -> EventBase:
        value = VALUES[self.config.uri][number]
        row = {"path": "/things/value", "mtime": 1e9 + number, "size": len(str(value)), "record": {"value": value}}
        return UpdateEvent(
            fields=list(row), rows=[row], index=index, event_schema="things", table="", message_source=source
        )

    async def close(self) -> None:
        self._stop_driver_event.set()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        names = ("path", "mtime", "size", "record")
        return {"properties": {name: {"type": "string", "column_index": n} for n, name in enumerate(names)}}


class WithoutIndexes(OneRow):
    """Compares what is there with what it has told, every 400 ms; it keeps no index and no audit."""

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self._known: dict[str, dict[str, Any]] = {}
        self._listed: dict[str, dict[str, Any]] = {}
        self._clock = 0.0

    def is_position_available(self, position: int) -> bool:
        return False

    def _state(self) -> dict[str, dict[str, Any]]:
        system = SYSTEMS[self.config.uri]
        with system.changed:
            nodes = {path: node for path, node in system.nodes.items() if not node.directory}
        return {
            path: {"path": path, "mtime": node.mtime, "size": node.size, "record": {"size": node.size}}
            for path, node in nodes.items()
        }

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        rows, size = list(self._state().values()), kwargs.get("batch_size", 1000)
        for first in range(0, len(rows), size):
            told = rows[first : first + size]
            self._listed.update({row["path"]: row for row in told})
            self._clock = max(self._clock, *(row["mtime"] for row in told))
            yield self._told(UpdateEvent, told, MessageSource.SNAPSHOT)

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        self._known = self._state()
        return self._compare(kwargs.get("stop_event") or threading.Event())

    def _compare(self, stop: threading.Event) -> Iterator[EventBase]:
        while not (stop.is_set() or self._stop_driver_event.is_set()):
            listed, self._listed = self._listed, {}
            now, before = self._state(), self._known
            self._known = now
            told = {**listed, **before}
            if gone := [self._late(_gone(told[path])) for path in told.keys() - now.keys()]:
                yield self._told(DeleteEvent, gone, MessageSource.REALTIME)
            if fresh := [row for path, row in now.items() if before.get(path) != row]:
                yield self._told(UpdateEvent, [self._late(row) for row in fresh], MessageSource.REALTIME)
            stop.wait(LATE_SEC)

    def _late(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "mtime": max(row["mtime"], self._clock)}

    def _told(self, model: type[EventBase], rows: list[dict[str, Any]], source: MessageSource) -> EventBase:
        own = [dict(row) for row in rows]
        return model(fields=list(own[0]), rows=own, event_schema="things", table="", message_source=source)


def _gone(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "size": None, "mtime": time.time()}


class FlatWorld(MemoryWorld):
    """The tree without containers, hostile names and what a flat table cannot show."""

    operations = frozenset({"create", "modify", "delete", "rename"})
    create_long = None
    excluding = None
    unreadable = None
    interrupted = None
    broken = None
    become_container = None

    def list(self) -> dict[str, dict[str, Any]]:
        return {path: {"size": row["size"]} for path, row in super().list().items()}
