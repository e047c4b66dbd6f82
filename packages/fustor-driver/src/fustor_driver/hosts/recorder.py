"""A pusher that records what it gets into a file, for `record`, `replay` and demonstrations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

from fustor_core.drivers import PusherDriver
from fustor_core.exceptions import ConfigError, DriverError
from fustor_core.models.config import PusherConfig
from fustor_driver.durable import opened, write_all
from fustor_driver.event_files import Batch
from fustor_driver.plainness import unplain
from fustor_event_model import EventBase, MessageSource

__all__ = ["RecordingPusher"]


class RecordingPusher(PusherDriver):
    """One line for each push, with session, phase and end; readable by its owner only.

    It remembers nothing: every start takes a snapshot.
    """

    def __init__(self, id: str, config: PusherConfig) -> None:
        super().__init__(id, config)
        self._path = Path(config.endpoint)

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        """A session with a name of its own."""
        del task_id, kwargs
        return {"session_id": uuid4().hex, "suggested_heartbeat_interval_seconds": 60}

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        """Append the batch; it is on the disk when this returns."""
        for event in events:
            if (reason := unplain(event)) is not None:
                raise DriverError(f"JSON cannot carry {reason}")
        batch = Batch(
            session_id=str(kwargs.get("session_id", "")),
            phase=MessageSource(kwargs.get("source_type", MessageSource.REALTIME)),
            is_snapshot_end=bool(kwargs.get("is_snapshot_end")),
            events=tuple(events),
        )
        try:
            self._append(batch.model_dump_json().encode() + b"\n")
        except OSError as err:
            raise ConfigError(f"The recording cannot be written to {str(self._path)!r}: {err.strerror}") from err
        return {"success": True, "snapshot_needed": False}

    def _append(self, line: bytes) -> None:
        with opened(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as handle:
            write_all(handle, line)
            os.fdatasync(handle)

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing to keep alive."""
        del kwargs
        return {}

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """All fields."""
        del kwargs
        return {}
