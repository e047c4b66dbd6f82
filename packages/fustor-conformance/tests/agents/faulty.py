"""Sources that break one rule each, as the simulators must show."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

from fustor_core.exceptions import DriverError
from fustor_event_model.models import EventBase
from fustor_try.log_source import LogDriver


class NoStopEvent(LogDriver):
    """Lacks the event that the agents read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = self._stop_driver_event

    def _follow(self, position: int, stop: threading.Event) -> Iterator[EventBase]:
        iterator = super()._follow(position, stop)
        first = next(iterator)
        del self._stop_driver_event
        yield first

    async def close(self) -> None:
        self._own.set()


class AsksTracker(LogDriver):
    """Believes that `get_fields` answers."""

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        events = super().get_message_iterator(start_position, **kwargs)
        return self._asking(events, kwargs["required_fields_tracker"])

    def _asking(self, events: Iterator[EventBase], tracker: Any) -> Iterator[EventBase]:
        for event in events:
            tracker.get_fields()
            yield event


class Raises(LogDriver):
    """Gives up at the first event."""

    def _follow(self, position: int, stop: threading.Event) -> Iterator[EventBase]:
        for event in super()._follow(position, stop):
            raise DriverError(f"No more after {event.index}")
        yield from ()


class _Numbered(LogDriver):
    def _index(self, event: EventBase) -> int:
        raise NotImplementedError

    def _follow(self, position: int, stop: threading.Event) -> Iterator[EventBase]:
        for event in super()._follow(position, stop):
            event.index = self._index(event)
            yield event


class SameIndex(_Numbered):
    """Counts in units that several events share, as a clock in milliseconds does."""

    def _index(self, event: EventBase) -> int:
        return 1000 + 0 * event.index


class FallingIndex(_Numbered):
    """Counts down."""

    def _index(self, event: EventBase) -> int:
        return 1000 - event.index


class NoDiscovery(LogDriver):
    """Needs keywords to tell its fields."""

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        raise DriverError(f"No fields without a uri, given {sorted(kwargs)}")


class Caching(LogDriver):
    """An audit in the dialect of agent 0.8: the first is complete, the second breaks off."""

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[Any]:
        return self._dialect08(kwargs["mtime_cache"])

    def _dialect08(self, cache: dict[str, float]) -> Iterator[Any]:
        if cache:
            raise DriverError("Broken off")
        yield None, {"/": 1.0}


class Answering(LogDriver):
    """Has the two methods that are optional."""

    def perform_sentinel_check(self, task: dict[str, Any]) -> dict[str, Any]:
        return {"type": "suspect_update", "updates": [{"path": path} for path in task["paths"]]}

    def scan_path(self, path: str, *, recursive: bool = True) -> Iterator[EventBase]:
        del path, recursive
        return self.get_snapshot_iterator()


class Deaf(LogDriver):
    """Hears neither `stop_event` nor anything but `close`."""

    ended_by: ClassVar[str] = ""
    _all: ClassVar[list[Deaf]] = []

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        del start_position, kwargs
        self._all.append(self)
        return self._deaf()

    def _deaf(self) -> Iterator[EventBase]:
        self._stop_driver_event.wait()
        type(self).ended_by = "close"
        yield from ()

    @classmethod
    def release(cls) -> None:
        for driver in cls._all:
            driver._stop_driver_event.set()


drivers: dict[str, Any] = {
    "log": LogDriver,
    "answering": Answering,
    "no_stop_event": NoStopEvent,
    "asks_tracker": AsksTracker,
    "raises": Raises,
    "same_index": SameIndex,
    "falling_index": FallingIndex,
    "no_discovery": NoDiscovery,
    "caching": Caching,
    "deaf": Deaf,
}
