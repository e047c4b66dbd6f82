"""A source that tells the same few things every time: what pushers are run with, under simulated agents and real ones.

It is copied into a real agent's environment, so it imports only what every release has, and the event model.
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Iterator
from typing import Any

from fustor_core.drivers import SourceDriver
from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase, MessageSource, UpdateEvent, parent_of

SNAPSHOT_PATHS = tuple(f"/kit-there-{number}" for number in range(5))
REALTIME_PATHS = tuple(f"/kit-new-{number}" for number in range(5))
AUDIT_PATHS = ("/kit-found",)

_POLL_SEC = 0.05
_TIME = 1_700_000_000.0


class ScriptedSource(SourceDriver):
    """A snapshot of some paths, then some others, numbered from 1, then nothing more; audits, where they are asked for.

    `lists_root` says whether an audit has listed the root anew, so that what it does not tell is gone.
    """

    schema_name = "fs"
    snapshot_paths: tuple[str, ...] = SNAPSHOT_PATHS
    realtime_paths: tuple[str, ...] = REALTIME_PATHS
    audit_paths: tuple[str, ...] = AUDIT_PATHS
    lists_root = False

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self._stop_driver_event = threading.Event()

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        """One event a path."""
        del kwargs
        return (_told(MessageSource.SNAPSHOT, path) for path in self.snapshot_paths)

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        """One event a path, then a wait for the stop."""
        stop = kwargs.get("stop_event") or self._stop_driver_event
        for number, path in enumerate(self.realtime_paths, start=1):
            if number > start_position:
                yield _told(MessageSource.REALTIME, path, number)
        while not (stop.wait(_POLL_SEC) or self._stop_driver_event.is_set()):
            continue

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[tuple[EventBase, dict[str, float]]]:
        """One event a path, the root last, in the dialect of agent 0.8."""
        del kwargs
        for path in self.audit_paths:
            yield _told(MessageSource.AUDIT, path, parent_mtime=_TIME), {}
        mark = {} if self.lists_root else {"audit_skipped": True}
        yield _told(MessageSource.AUDIT, "/", parent_mtime=_TIME, is_directory=True, parent_path="", **mark), {}

    async def close(self) -> None:
        """End the stream."""
        self._stop_driver_event.set()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """What the rows carry."""
        del kwargs
        names = ("path", "file_name", "parent_path", "is_directory", "size", "mtime", "modified_time")
        return {"properties": {name: {"type": "string", "column_index": n} for n, name in enumerate(names)}}


def _told(source: MessageSource, path: str, index: int = -1, **more: Any) -> EventBase:
    row: dict[str, Any] = {
        "path": path,
        "file_name": posixpath.basename(path),
        "parent_path": parent_of(path),
        "is_directory": False,
        "size": len(path),
        "mtime": _TIME,
        "modified_time": _TIME,
        **more,
    }
    return UpdateEvent(fields=list(row), rows=[row], index=index, event_schema="fs", table="", message_source=source)
