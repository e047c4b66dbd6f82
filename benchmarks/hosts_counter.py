"""Copied into the environments that `hosts.py` makes: takes what a host delivers, and notes how many rows came when.

A pusher for the guide host and for agent 0.2, a sender for agent 0.8. The address is a file, which gets a line for each
push of realtime events: the time, and the rows so far. Everything else is as the kit's recorder has it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fustor_conformance.agents.recorder import RecordingPusher, RecordingSender
else:
    from kit_recorder import RecordingPusher, RecordingSender  # its name in those environments

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


class CountingPusher(RecordingPusher, _Pusher):
    """Counts what is pushed."""

    def __init__(self, id: str, config: Any) -> None:
        super().__init__(id, config)
        self._count = _Count(config.endpoint)

    async def push(self, events: list[Any], **kwargs: Any) -> dict[str, Any]:
        """Count."""
        if kwargs.get("source_type", "realtime") not in ("snapshot", "audit"):
            self._count.add(events)
        return {"success": True, "snapshot_needed": False}


class CountingSender(RecordingSender):
    """Counts what is sent."""

    def __init__(self, sender_id: str, endpoint: str, credential: Any, config: Any = None) -> None:
        super().__init__(sender_id, endpoint, credential, config)
        self._count = _Count(endpoint)

    async def create_session(self, task_id: str, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        """Lead."""
        del kwargs
        return task_id, {"session_id": task_id, "role": "leader"}

    async def send_events(
        self, events: list[Any], source_type: str = "message", is_end: bool = False, metadata: Any = None
    ) -> dict[str, Any]:
        """Count."""
        del is_end, metadata
        if source_type == "message":
            self._count.add(events)
        return {"success": True, "role": "leader"}
