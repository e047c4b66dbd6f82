"""A source with positions: a text file of operations, one JSON object a line; the position is the line's number."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import ConfigError, DriverError
from fustor_core.models.config import SourceConfig
from fustor_event_model.models import DeleteEvent, EventBase, LifecycleSignal, MessageSource, UpdateEvent

FIELDS = ["path", "mtime", "size", "is_directory"]
AUDIT_FIELDS = [*FIELDS, "parent_path", "parent_mtime"]


class LogParams(BaseModel):
    """How the log is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    poll_interval_sec: PositiveFloat = 0.005
    transient: bool = False
    token: str = ""


class LogDriver(SourceDriver):
    """Reads a log of upserts and deletes that somebody else appends to."""

    capabilities = frozenset({"acknowledge", "get_latest_position", "get_audit_iterator", "statistics"})

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        try:
            self._params = LogParams.model_validate(config.driver_params)
        except ValidationError as err:
            raise ConfigError(f"driver_params of {id!r} are wrong: {err.errors()[0]['loc']}") from err
        self._log = Path(config.uri)
        self._stop_driver_event = threading.Event()
        self._armed_at = -1
        self.acknowledged = -1

    @property
    def is_transient(self) -> bool:
        return self._params.transient

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        stop = kwargs.get("stop_event") or threading.Event()
        position = start_position if start_position > 0 else self.get_latest_position()
        self._armed_at = -1 if self._params.transient else position
        return self._follow(position, stop)

    def _follow(self, position: int, stop: threading.Event) -> Iterator[EventBase]:
        offset = self._offset(position)
        while not (stop.is_set() or self._stop_driver_event.is_set()):
            with self._log.open("rb") as file:
                file.seek(offset)
                data = file.read()
            complete = data[: data.rfind(b"\n") + 1]
            for line in complete.splitlines():
                position += 1
                yield self._event(json.loads(line), position)
            offset += len(complete)
            stop.wait(self._params.poll_interval_sec)

    def _event(self, operation: dict[str, Any], position: int) -> EventBase:
        kind = DeleteEvent if operation.pop("op") == "delete" else UpdateEvent
        row = {"size": None, "is_directory": False} | operation
        return kind(
            fields=FIELDS,
            rows=[row],
            index=-1 if self._params.transient else position,
            event_schema="try",
            table="",
            message_source=MessageSource.REALTIME,
        )

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        return self._snapshot(kwargs.get("batch_size", 1000), kwargs.get("stop_event") or threading.Event())

    def _snapshot(self, batch_size: int, stop: threading.Event) -> Iterator[EventBase]:
        for rows in _batches(list(self.present().values()), batch_size):
            if stop.is_set() or self._stop_driver_event.is_set():
                raise DriverError("The snapshot was stopped before its end")
            yield UpdateEvent(
                fields=FIELDS,
                rows=rows,
                index=self._armed_at,
                event_schema="try",
                table="",
                message_source=MessageSource.SNAPSHOT,
            )

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        return self._audit(kwargs.get("batch_size", 1000), kwargs.get("stop_event") or threading.Event())

    def _audit(self, batch_size: int, stop: threading.Event) -> Iterator[EventBase]:
        yield _signal(LifecycleSignal.AUDIT_START)
        for rows in _batches(list(self.present().values()), batch_size):
            if stop.is_set():
                return
            yield _audit_event([row | {"parent_path": "/", "parent_mtime": 1.0} for row in rows])
        root = {"path": "/", "mtime": 1.0, "size": None, "is_directory": True, "parent_path": "", "parent_mtime": 1.0}
        yield _audit_event([root])
        yield _signal(LifecycleSignal.AUDIT_END)

    def present(self) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for line in self._lines():
            operation = json.loads(line)
            if operation.pop("op") == "delete":
                rows.pop(operation["path"], None)
            else:
                rows[operation["path"]] = {"is_directory": False} | operation
        return rows

    def _lines(self) -> list[bytes]:
        data = self._log.read_bytes()
        return data[: data.rfind(b"\n") + 1].splitlines()

    def _offset(self, position: int) -> int:
        return sum(len(line) + 1 for line in self._lines()[:position])

    def is_position_available(self, position: int) -> bool:
        return not self.is_transient and 0 < position <= self.get_latest_position()

    def get_latest_position(self) -> int:
        return len(self._lines())

    def acknowledge(self, index: int) -> None:
        self.acknowledged = max(self.acknowledged, index)

    def statistics(self) -> dict[str, float]:
        return {"acknowledged": float(self.acknowledged)}

    async def close(self) -> None:
        self._stop_driver_event.set()

    @classmethod
    async def get_available_fields(cls, **_: Any) -> dict[str, Any]:
        return {"properties": {name: {"type": "string", "column_index": at} for at, name in enumerate(FIELDS)}}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        there = _is_file(kwargs.get("uri"))
        return there, "The log is there" if there else f"No file {kwargs.get('uri')!r}; create it"

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        del kwargs
        return True, "The log can be read"


def _signal(signal: LifecycleSignal) -> EventBase:
    return UpdateEvent(
        fields=[], rows=[], event_schema="try", table="", message_source=MessageSource.AUDIT, signal=signal
    )


def _audit_event(rows: list[dict[str, Any]]) -> EventBase:
    return UpdateEvent(fields=AUDIT_FIELDS, rows=rows, event_schema="try", table="", message_source=MessageSource.AUDIT)


def _batches(rows: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _is_file(uri: Any) -> bool:
    return Path(str(uri)).is_file()
