"""Copied into the environments that `hosts.py` makes: takes what a host delivers, and notes how many rows came when.

A pusher for the guide host and for agent 0.2, a sender for agent 0.8. The address is a file, which gets a line for each
push of realtime events: the time, and the rows so far.
"""

from __future__ import annotations

import time
from typing import Any

try:
    from fustor_core.drivers import PusherDriver as _Pusher
except ImportError:  # agent 0.8 has no pushers
    _Pusher = object  # type: ignore[assignment, misc]


class _Count:
    def __init__(self, address: str) -> None:
        self._rows = 0
        self._file = open(address, "a", buffering=1, encoding="utf-8")  # noqa: PTH123, SIM115 - as long as the process

    def add(self, events: list[Any]) -> None:
        """Note what came."""
        self._rows += sum(len(event.rows) for event in events)
        self._file.write(f"{time.time()} {self._rows}\n")


class CountingPusher(_Pusher):
    """Counts what is pushed."""

    def __init__(self, id: str, config: Any) -> None:
        self.id = id
        self.config = config
        self._count = _Count(config.endpoint)

    async def push(self, events: list[Any], **kwargs: Any) -> dict[str, Any]:
        """Count."""
        if kwargs.get("source_type", "realtime") not in ("snapshot", "audit"):
            self._count.add(events)
        return {"success": True, "snapshot_needed": False}

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing to keep alive."""
        del kwargs
        return {"status": "ok"}

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        """One session."""
        del kwargs
        return {"session_id": task_id, "suggested_heartbeat_interval_seconds": 10}

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        """None."""
        del kwargs
        return -1

    async def close(self) -> None:
        """Nothing is open that the end of the process does not close."""

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """All."""
        del kwargs
        return {}


class CountingSender:
    """Counts what is sent."""

    def __init__(self, sender_id: str, endpoint: str, credential: Any, config: Any = None) -> None:
        self.id, self.endpoint, self.credential, self.config = sender_id, endpoint, credential, config or {}
        self._count = _Count(endpoint)

    async def connect(self) -> None:
        """Nothing to reach."""

    async def create_session(self, task_id: str, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        """Lead."""
        del kwargs
        return task_id, {"session_id": task_id, "role": "leader"}

    async def send_events(self, events: list[Any], source_type: str = "message", **kwargs: Any) -> dict[str, Any]:
        """Count."""
        del kwargs
        if source_type == "message":
            self._count.add(events)
        return {"success": True, "role": "leader"}

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Lead."""
        del kwargs
        return {"status": "ok", "role": "leader"}

    async def signal_audit_end(self) -> bool:
        """Nothing to do."""
        return True

    async def get_sentinel_tasks(self) -> None:
        """None."""

    async def close_session(self) -> None:
        """Nothing is held."""

    async def close(self) -> None:
        """Nothing is open that the end of the process does not close."""
