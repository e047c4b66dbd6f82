"""What a simulated agent 0.8 sends to: a sender of its own, and the receiver behind it, which may be slow or away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fustor_conformance.agents.recorder import RecordingSender
from fustor_event_model import EventBase

__all__ = ["CountingSender", "Receiver", "SessionObsoleteError"]

_LEADER = "leader"


class SessionObsoleteError(Exception):
    """The receiver does not know the session any more; the agent makes another at once."""


class CountingSender(RecordingSender):
    """Takes everything and keeps nothing, since the transcript has it; for simulations that are about the source."""

    async def create_session(self, task_id: str, **_: Any) -> tuple[str, dict[str, Any]]:
        """Lead at once."""
        return task_id, {"session_id": task_id, "role": _LEADER}

    async def send_events(
        self, events: list[EventBase], source_type: str = "message", is_end: bool = False, metadata: Any = None
    ) -> dict[str, Any]:
        """Take them."""
        del events, source_type, is_end, metadata
        return {"success": True, "role": _LEADER}

    async def submit_sentinel_results(self, results: dict[str, Any]) -> bool:
        """Take them."""
        del results
        return True


@dataclass
class Receiver:
    """Where a counting sender sends to. A send takes `send_sec`; while `away` is set, nothing is taken.

    `tasks` are handed out to sentinel checks, `commands` with the next heartbeat, each once.
    """

    send_sec: float = 0.0
    away: threading.Event = field(default_factory=threading.Event)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)

    def sender(self) -> Callable[..., Any]:
        """A class of senders that lead here."""
        receiver = self

        class Sender(CountingSender):
            async def create_session(self, task_id: str, **kwargs: Any) -> tuple[str, dict[str, Any]]:
                receiver._require_there()
                return await super().create_session(task_id, **kwargs)

            async def send_events(self, events: list[EventBase], *args: Any, **kwargs: Any) -> dict[str, Any]:
                await asyncio.sleep(receiver.send_sec)
                if receiver.away.is_set():
                    return {"success": False}
                return await super().send_events(events, *args, **kwargs)

            async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
                receiver._require_there()
                commands, receiver.commands = receiver.commands, []
                return {**await super().heartbeat(**kwargs), "commands": commands}

            async def get_sentinel_tasks(self) -> dict[str, Any] | None:
                return receiver.tasks.pop(0) if receiver.tasks else None

        return Sender

    def _require_there(self) -> None:
        if self.away.is_set():
            raise ConnectionError("The receiver is away")
