"""What a pusher answers, parsed once."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fustor_sender_bridge._core import DriverError, RetryableError, SessionObsoletedError

__all__ = ["PushReply", "SessionReply", "says_obsolete"]


class _Reply(BaseModel):
    """Known keys are read, others are the pusher's own."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def read(cls, answer: Any, method: str) -> Self:
        """The answer of `method`.

        Raises:
            DriverError: it is not a mapping, or its keys have the wrong types.
        """
        try:
            return cls.model_validate(answer)
        except ValidationError as err:
            keys = ", ".join(".".join(map(str, detail["loc"])) for detail in err.errors(include_input=False))
            raise DriverError(f"{method} answered {type(answer).__name__} that is not a valid reply ({keys})") from err


class SessionReply(_Reply):
    """Answer of `create_session`."""

    session_id: str
    suggested_heartbeat_interval_seconds: float = Field(default=10.0, gt=0, allow_inf_nan=False)


class PushReply(_Reply):
    """Answer of `push`."""

    success: bool = True
    snapshot_needed: bool = False
    refused_rows: int = Field(default=0, ge=0)
    refused_deletions: int = Field(default=0, ge=0)
    refused_reason: str | None = None

    def taken(self) -> Self:
        """The same reply.

        Raises:
            SessionObsoletedError: the pusher wishes a new session with a new snapshot.
            RetryableError: it promises nothing.
        """
        if self.snapshot_needed:
            raise SessionObsoletedError("The pusher asks for a new session with a new snapshot")
        if not self.success:
            raise RetryableError("push answered success=False")
        return self


def says_obsolete(err: Exception) -> bool:
    """Whether a pusher says that its session is gone, in the words that released hosts look for."""
    text = str(err)
    return "obsolete" in text.lower() or "419" in text
