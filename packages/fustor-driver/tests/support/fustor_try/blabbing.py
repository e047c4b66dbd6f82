"""A source and a pusher that put all that they know of their configuration into everything that they say."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_event_model.models import EventBase, MessageSource, UpdateEvent

_log = logging.getLogger("a.driver")


class _Numbers(BaseModel):
    value: int


def _said(config: SourceConfig | PusherConfig) -> str:
    address = config.uri if isinstance(config, SourceConfig) else config.endpoint
    data = config.model_dump()
    pieces = [address, unquote(address), quote(address), address.partition("@")[2], address.partition("://")[2]]
    text = f"{config!r} {data} {config.model_dump_json()} {pieces} cannot be used\x1b[31m"
    _log.warning("%s", text)
    return text


def _fail(config: SourceConfig | PusherConfig) -> None:
    how = config.driver_params.get("how")
    text = _said(config)
    if how in ("bug", "model", "warn"):
        sys.stderr.write(f"{text}\n")
    if how == "bug":
        raise ValueError(text)
    if how == "model":
        _Numbers.model_validate({"value": text})
    if how == "retry":
        raise RetryableError(text)
    if how == "config":
        raise ConfigError(text)
    if how == "warn":
        warnings.warn(text, stacklevel=1)
    raise DriverError(text)


class BlabSource(SourceDriver):
    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        if config.driver_params.get("where") == "constructor":
            _fail(config)

    def get_snapshot_iterator(self, **_: Any) -> Iterator[EventBase]:
        if self.config.driver_params.get("where") == "snapshot":
            _fail(self.config)
        row = {"path": "/a", "mtime": 1.0, "size": 1}
        yield UpdateEvent(
            fields=list(row), rows=[row], event_schema="x", table="", message_source=MessageSource.SNAPSHOT
        )

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        del start_position
        if self.config.driver_params.get("where") == "realtime":
            _fail(self.config)
        return self._nothing(kwargs["stop_event"])

    def _nothing(self, stop: Any) -> Iterator[EventBase]:
        stop.wait()
        yield from ()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        return {"properties": {str(kwargs): {"type": str(kwargs)}}}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        return False, f"{kwargs} {kwargs['uri']}"


class BlabPusher(PusherDriver):
    def __init__(self, id: str, config: PusherConfig) -> None:
        super().__init__(id, config)

    async def create_session(self, task_id: str, **_: Any) -> dict[str, Any]:
        if self.config.driver_params.get("where") == "create_session":
            _fail(self.config)
        return {"session_id": task_id}

    async def push(self, events: list[EventBase], **_: Any) -> dict[str, Any]:
        if events and self.config.driver_params.get("where") == "push":
            _fail(self.config)
        if events and self.config.driver_params.get("where") == "reason":
            return {"refused_rows": 1, "refused_reason": _said(self.config)}
        return {"success": True}

    async def heartbeat(self, **_: Any) -> dict[str, Any]:
        return {}

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        return {"properties": {str(kwargs): {"type": str(kwargs)}}}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        return False, f"{kwargs} {kwargs['endpoint']}"
