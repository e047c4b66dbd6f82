"""A source and a pusher that cost next to nothing, so that what is measured is whatever runs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.models import PusherConfig
from fustor_event_model import EventBase, MessageSource, UpdateEvent

__all__ = ["Nowhere", "Ticks", "installed"]

_METADATA = "Metadata-Version: 2.1\nName: bridges-drivers\nVersion: 1\n"
_ENTRY_POINTS = "[fustor.drivers.sources]\nticks = bridges_drivers:Ticks\n"


class Ticks(SourceDriver):
    """As many rows as the address says, made as they are asked for: in realtime an event of one row each."""

    capabilities = frozenset({"acknowledge", "end_position", "get_latest_position", "get_snapshot_partitions"})

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        """Every row, or those of a partition, `batch_size` an event."""
        first, end = kwargs.get("partition") or (1, self.get_latest_position() + 1)
        size = kwargs.get("batch_size", 1000)
        for index in range(first, end, size):
            yield _event([_row(number) for number in range(index, min(index + size, end))], MessageSource.SNAPSHOT, -1)

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        """Every position up to the end."""
        for index in range(start_position + 1, kwargs["end_position"] + 1):
            yield _event([_row(index)], MessageSource.REALTIME, index)

    def get_latest_position(self) -> int:
        """The number of rows."""
        return int(self.config.uri)

    def get_snapshot_partitions(self, n: int) -> list[tuple[int, int]]:
        """First row and the one after the last."""
        end = self.get_latest_position() + 1
        step = -(-end // n)
        return [(max(first, 1), min(first + step, end)) for first in range(0, end, step)]

    def is_position_available(self, position: int) -> bool:
        """Always."""
        return position > 0

    @classmethod
    async def get_available_fields(cls, **_: Any) -> dict[str, Any]:
        """None that matter."""
        return {"properties": {}}


class Nowhere(PusherDriver):
    """Takes everything, and keeps nothing but the number of rows."""

    def __init__(self, id: str, config: PusherConfig) -> None:
        super().__init__(id, config)
        self.rows = 0

    async def push(self, events: list[EventBase], **_: Any) -> dict[str, Any]:
        """Count."""
        self.rows += sum(len(event.rows) for event in events)
        return {"success": True, "snapshot_needed": False}

    async def heartbeat(self, **_: Any) -> dict[str, Any]:
        """Nothing."""
        return {}

    async def create_session(self, task_id: str, **_: Any) -> dict[str, Any]:
        """Any."""
        return {"session_id": task_id, "suggested_heartbeat_interval_seconds": 60}

    async def get_latest_committed_index(self, **_: Any) -> int:
        """Beyond everything."""
        return 1 << 60

    @classmethod
    async def get_needed_fields(cls, **_: Any) -> dict[str, Any]:
        """All."""
        return {}


def _row(index: int) -> dict[str, Any]:
    record = {"id": index, "name": f"name {index}"}
    return {"path": f"/public/t/{index}", "mtime": float(index), "size": 10, "record": record}


def _event(rows: list[dict[str, Any]], phase: MessageSource, index: int) -> EventBase:
    return UpdateEvent(
        fields=list(rows[0]), rows=rows, index=index, event_schema="public", table="t", message_source=phase
    )


@contextmanager
def installed() -> Iterator[None]:
    """While the block runs, `ticks` is an installed driver for this process and those that it starts."""
    with TemporaryDirectory() as folder:
        about = Path(folder, "bridges_drivers-1.dist-info")
        about.mkdir()
        (about / "METADATA").write_text(_METADATA)
        (about / "entry_points.txt").write_text(_ENTRY_POINTS)
        added = [folder, str(Path(__file__).parent)]
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([*added, *filter(None, [before])])
        sys.path[:0] = added
        try:
            yield
        finally:
            del sys.path[: len(added)]
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before
