"""Copied into the environment of a released agent: writes all that the agent delivers to a file, one batch a line.

A session of agent 0.8 that begins is a batch of its own, without events.

A pusher for agent 0.2 and a sender for agent 0.8. It imports nothing of Fustor, so that it loads whatever
release is there. The address of either is the file.
"""

import json
from typing import Any

_HEARTBEAT_SEC = 5


def _write(address: str, events: list[Any], source_type: str | None, *, is_end: bool) -> None:
    told = [event.model_dump(mode="json") for event in events]
    with open(address, "a", encoding="utf-8") as file:  # noqa: PTH123 - one append, as plain as can be
        file.write(json.dumps({"source_type": source_type, "is_end": is_end, "events": told}) + "\n")


class RecordingPusher:
    """What agent 0.2 asks of a pusher."""

    def __init__(self, id: str, config: Any) -> None:
        self.id = id
        self.config = config

    async def push(self, events: list[Any], **kwargs: Any) -> dict[str, Any]:
        """Write the batch."""
        is_end = bool(kwargs.get("is_snapshot_end"))
        _write(self.config.endpoint, events, kwargs.get("source_type", "realtime"), is_end=is_end)
        return {"success": True, "snapshot_needed": False}

    async def heartbeat(self, **_: Any) -> dict[str, Any]:
        """Nothing to keep alive."""
        return {"status": "ok"}

    async def create_session(self, task_id: str, **_: Any) -> dict[str, Any]:
        """A session of any name."""
        return {"session_id": task_id, "suggested_heartbeat_interval_seconds": _HEARTBEAT_SEC}

    async def get_latest_committed_index(self, **_: Any) -> int:
        """Nothing is committed, so the agent takes a snapshot."""
        return -1

    async def close(self) -> None:
        """Nothing is open."""

    @classmethod
    async def get_needed_fields(cls, **_: Any) -> dict[str, Any]:
        """All."""
        return {}


class RecordingSender:
    """What agent 0.8 asks of a sender."""

    def __init__(self, sender_id: str, endpoint: str, credential: Any, config: Any = None) -> None:
        self.id = sender_id
        self.endpoint = endpoint
        self.credential = credential
        self.config = config or {}

    async def connect(self) -> None:
        """Nothing to reach."""

    async def create_session(self, task_id: str, **_: Any) -> tuple[str, dict[str, Any]]:
        """A session of any name, as the one that leads: only that one gets a snapshot and audits."""
        _write(self.endpoint, [], "session", is_end=False)
        return task_id, {"session_id": task_id, "role": "leader"}

    async def send_events(
        self, events: list[Any], source_type: str = "message", is_end: bool = False, metadata: Any = None
    ) -> dict[str, Any]:
        """Write the batch."""
        del metadata
        _write(self.endpoint, events, "realtime" if source_type == "message" else source_type, is_end=is_end)
        return {"success": True, "role": "leader"}

    async def heartbeat(self, **_: Any) -> dict[str, Any]:
        """Still the one that leads."""
        return {"status": "ok", "role": "leader"}

    async def signal_audit_start(self) -> bool:
        """Agent 0.8 never calls it."""
        return True

    async def signal_audit_end(self) -> bool:
        """The end is in the batch already."""
        return True

    async def get_sentinel_tasks(self) -> dict[str, Any] | None:
        """None."""
        return None

    async def close_session(self) -> None:
        """Nothing is held."""

    async def close(self) -> None:
        """Nothing is open."""
