"""The file that keeps what a pusher refused for good."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SerializeAsAny

from fustor_event_model import EventBase, MessageSource

__all__ = ["DeadLetter", "DeadLetterFile"]


class DeadLetter(BaseModel):
    """One refused event with the reason; one line of the file."""

    model_config = ConfigDict(frozen=True)

    refused_at: datetime
    reason: str
    task_id: str
    session_id: str
    phase: MessageSource
    event: SerializeAsAny[EventBase]


class DeadLetterFile:
    """Appends JSON Lines, each durable before the host goes on; readable by its owner only."""

    def __init__(self, path: Path, task_id: str) -> None:
        self.path = path
        self._task_id = task_id

    def keep(self, event: EventBase, *, session_id: str, phase: MessageSource, reason: str) -> None:
        """Write one event; it is on the disk when this returns.

        Raises:
            OSError: it could not be written; the host must not go on.
        """
        letter = DeadLetter(
            refused_at=datetime.now(UTC),
            reason=reason,
            task_id=self._task_id,
            session_id=session_id,
            phase=phase,
            event=event,
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open(handle, "ab", buffering=0) as file:  # noqa: PTH123 - only a descriptor carries the mode of a new file
            file.write(letter.model_dump_json().encode() + b"\n")
            os.fsync(file.fileno())
