"""The file that keeps what a pusher refused for good."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SerializeAsAny

from fustor_driver.durable import opened, sync_directory, write_all
from fustor_driver.plainness import as_text, unplain
from fustor_driver.redaction import clean
from fustor_event_model import EventBase, MessageSource

__all__ = ["DeadLetter", "DeadLetterFile"]


class DeadLetter(BaseModel):
    """One refused event with the reason; one line of the file.

    An event that JSON cannot carry (the contract forbids it) is kept in `event_as_text`, in the notation of Python, and
    `not_json` says what is wrong with it: for a reader, never to be pushed as it stands.
    """

    model_config = ConfigDict(frozen=True)

    refused_at: datetime
    reason: str
    task_id: str
    session_id: str
    phase: MessageSource
    event: SerializeAsAny[EventBase] | None = None
    not_json: str | None = None
    event_as_text: str | None = None


class DeadLetterFile:
    """Appends JSON Lines, each durable before the host goes on; readable by its owner only.

    A line that a crash or a full disk has torn is ended before the next one, so it takes no other with it.
    """

    def __init__(self, path: Path, task_id: str) -> None:
        self.path = path
        self._task_id = task_id

    def keep(self, event: EventBase, *, session_id: str, phase: MessageSource, reason: str) -> None:
        """Write one event; it and the file's name are on the disk when this returns.

        Raises:
            OSError: it could not be written; the host must not go on.
        """
        not_json = unplain(event)
        kept = {"event": event} if not_json is None else {"not_json": not_json, "event_as_text": as_text(event)}
        letter = DeadLetter.model_construct(
            refused_at=datetime.now(UTC),
            reason=clean(reason),
            task_id=self._task_id,
            session_id=session_id,
            phase=phase,
            **kept,
        )
        self._append(letter.model_dump_json(exclude_none=True, warnings=False).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with opened(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW) as handle:
            write_all(handle, (b"\n" if _is_torn(handle, self.path) else b"") + line)
            os.fsync(handle)
        sync_directory(self.path.parent)
        sync_directory(self.path.parent.parent)


def _is_torn(handle: int, path: Path) -> bool:
    """Whether the last line of the file has no end."""
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        raise OSError(f"{str(path)!r} is not a regular file")
    return about.st_size > 0 and os.pread(handle, 1, about.st_size - 1) != b"\n"
