"""The source driver `example`: a counter that ticks, told in every phase of the contract."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, ClassVar, TypeAlias

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import ConfigError, DriverError
from fustor_core.models.config import SourceConfig
from fustor_event_model import AuditItem, EventBase, EventType, LifecycleSignal, MessageSource

from ._ticks import CONTAINERS, Ticks
from .config import parse_params

__all__ = ["ExampleDriver"]

_Listed: TypeAlias = tuple[EventBase, dict[str, float]]
_POLL_SEC = 0.05
_BATCH_SIZE = 1000
_SENT_AT_ONCE = 100
_READ_AHEAD = 1000
"""What agent 0.8 sends of an audit in one batch, and how many items it reads ahead meanwhile."""
_CAPABILITIES = frozenset({"acknowledge", "end_position", "get_audit_iterator", "get_latest_position"})
_FIELDS = {
    "path": "string",
    "file_name": "string",
    "parent_path": "string",
    "is_directory": "boolean",
    "size": "integer",
    "mtime": "number",
    "modified_time": "number",
    "parent_mtime": "number",
}


class ExampleDriver(SourceDriver):
    """Tells which ticks there were, and which files they left behind."""

    capabilities: ClassVar[frozenset[str]] = _CAPABILITIES

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self.id = id
        self.config = config
        self.params = parse_params(config.driver_params)
        self._ticks = Ticks(self.params)
        # Both released agents read it at every event, though no release declares it.
        self._stop_driver_event = threading.Event()

    @property
    def is_transient(self) -> bool:
        """False: every tick can be computed again."""
        return False

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        """Everything there is at the first tick that is asked for."""
        return self._snapshot(kwargs.get("batch_size") or _BATCH_SIZE, kwargs.get("stop_event"))

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        """Every tick after `start_position`, or from now where that is no tick there was."""
        position = start_position if self.is_position_available(start_position) else self._now()
        return self._stream(position, kwargs.get("end_position"), kwargs.get("stop_event"))

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[AuditItem]:
        """What the containers hold, in the dialect of the host: with `mtime_cache`, that of agent 0.8.

        Every container is listed anew in every audit: that is cheaper here than to know which one has changed.
        """
        listing = self._listing(kwargs.get("batch_size") or _BATCH_SIZE, kwargs.get("stop_event"))
        if kwargs.get("mtime_cache") is None:
            return self._bracketed(listing, kwargs.get("stop_event"))
        return chain(self._opening(), listing)

    def is_position_available(self, position: int) -> bool:
        """Whether `position` is a tick there was: every later one can be computed again."""
        try:
            return 0 < position <= self._ticks.now()
        except (OSError, ValueError):  # no clock, no ticks; the stream itself says what is wrong
            return False

    def acknowledge(self, index: int) -> None:
        """Nothing to release: time holds nothing back."""
        del index

    def get_latest_position(self) -> int:
        """The last tick so far."""
        return self._now()

    async def close(self) -> None:
        """Ends the iterators, which watch this event; may be called twice."""
        self._stop_driver_event.set()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """The fields of every row, the audit's among them."""
        del kwargs
        fields = enumerate(_FIELDS.items())
        return {"properties": {name: {"type": type_, "column_index": column} for column, (name, type_) in fields}}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the time can be read with these `driver_params`."""
        try:
            tick = Ticks(parse_params(kwargs.get("driver_params"))).now()
        except (ConfigError, OSError, ValueError) as error:
            return False, f"Cannot read the time: {error}"
        return True, f"The clock stands at tick {tick}"

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the clock may be read, which is all that the driver does."""
        return await cls.test_connection(**kwargs)

    @classmethod
    async def check_runtime_params(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the clock runs on its own, which needs no setting."""
        return await cls.test_connection(**kwargs)

    @classmethod
    async def create_agent_user(cls, **kwargs: Any) -> tuple[bool, str]:
        """Never: a clock has no users."""
        del kwargs
        return False, "Not supported: create_agent_user"

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        """No steps: the driver is configured in a file."""
        return {"steps": []}

    def _snapshot(self, batch_size: int, stop: threading.Event | None) -> Iterator[EventBase]:
        rows = self._ticks.listing(self._now())
        while batch := list(islice(rows, batch_size)):
            if self._stopped(stop):
                raise DriverError(f"Snapshot of source {self.id!r} was stopped before its end; take a new one")
            yield _event(MessageSource.SNAPSHOT, batch)

    def _stream(self, position: int, end: int | None, stop: threading.Event | None) -> Iterator[EventBase]:
        while not self._stopped(stop):
            latest = self._now_or_later(stop)
            for tick in range(position + 1, (latest if end is None else min(latest, end)) + 1):
                if self._stopped(stop):
                    return
                yield from self._told_by(tick)
                position = tick
            if end is not None and latest >= end:
                return
            self._pause(_POLL_SEC, stop)

    def _told_by(self, tick: int) -> Iterator[EventBase]:
        """At most one event: a tick either creates a file, or removes one, or neither."""
        if (file := self._ticks.created_by(tick)) is not None:
            yield _event(MessageSource.REALTIME, [self._ticks.file_row(file)], index=tick)
        elif (file := self._ticks.removed_by(tick)) is not None:
            row = self._ticks.delete_row(file, tick)
            yield _event(MessageSource.REALTIME, [row], index=tick, event_type=EventType.DELETE)

    def _bracketed(self, listing: Iterator[_Listed], stop: threading.Event | None) -> Iterator[EventBase]:
        yield _event(MessageSource.AUDIT, [], signal=LifecycleSignal.AUDIT_START)
        for event, _ in listing:
            yield event
        if not self._stopped(stop):
            yield _event(MessageSource.AUDIT, [], signal=LifecycleSignal.AUDIT_END)

    def _opening(self) -> Iterator[tuple[EventBase | None, dict[str, float]]]:
        """A batch that agent 0.8 has sent before anything is listed: its view spares what is told after that."""
        tick = self._now()
        root = {**self._ticks.container_row("/", tick), "parent_mtime": self._ticks.mtime("/", tick)}
        for _ in range(_SENT_AT_ONCE):
            yield _event(MessageSource.AUDIT, [{**root, "audit_skipped": True}]), {}
        for _ in range(_READ_AHEAD + 1):
            yield None, {}

    def _listing(self, batch_size: int, stop: threading.Event | None) -> Iterator[_Listed]:
        """All files, then each container, its row last: an audit may end anywhere without harm."""
        tick = self._now()
        inside = self._ticks.mtime("/ticks", tick)
        files = ({**self._ticks.file_row(file), "parent_mtime": inside} for file in self._ticks.files(tick))
        while batch := list(islice(files, batch_size)):
            if self._stopped(stop):
                return
            yield _event(MessageSource.AUDIT, batch), {}
        for path in CONTAINERS:
            if self._stopped(stop):
                return
            row = {**self._ticks.container_row(path, tick), "parent_mtime": self._ticks.mtime("/", tick)}
            yield _event(MessageSource.AUDIT, [row]), {path: row["mtime"]}

    def _now(self) -> int:
        try:
            return self._ticks.now()
        except (OSError, ValueError) as error:
            raise DriverError(f"Cannot read the clock of source {self.id!r} ({error}); correct `clock_file`") from error

    def _now_or_later(self, stop: threading.Event | None) -> int:
        """The last tick; a clock that fails is read again, as often and after as long as configured."""
        for _ in range(self.config.max_retries - 1):
            try:
                return self._ticks.now()
            except (OSError, ValueError):
                self._pause(self.config.retry_delay_sec, stop)
        return self._now()

    def _stopped(self, stop: threading.Event | None) -> bool:
        return self._stop_driver_event.is_set() or (stop is not None and stop.is_set())

    def _pause(self, seconds: float, stop: threading.Event | None) -> None:
        """Waits, but not on when stopped: of the two events only one can be waited for."""
        until = time.monotonic() + seconds
        while not self._stopped(stop) and (left := until - time.monotonic()) > 0:
            self._stop_driver_event.wait(min(left, _POLL_SEC))


def _event(
    source: MessageSource,
    rows: list[dict[str, Any]],
    *,
    index: int = -1,
    event_type: EventType = EventType.UPDATE,
    signal: LifecycleSignal | None = None,
) -> EventBase:
    return EventBase(
        event_type=event_type,
        fields=list(rows[0]) if rows else [],
        rows=rows,
        index=index,
        event_schema="fs",
        table="",
        message_source=source,
        signal=signal,
    )
