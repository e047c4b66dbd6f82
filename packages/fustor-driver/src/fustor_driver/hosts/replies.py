"""What a pusher answers, parsed once."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fustor_core.exceptions import RetryableError
from fustor_driver.configuration import field_problems
from fustor_driver.errors import NotConformant

__all__ = ["PushReply", "SessionReply", "read_index"]


class _Reply(BaseModel):
    """Known keys are read, others are the pusher's own."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def read(cls, answer: Any, method: str) -> Self:
        """The answer of `method`.

        Raises:
            NotConformant: it is not a mapping, or its keys have the wrong types.
        """
        try:
            return cls.model_validate(answer)
        except ValidationError as err:
            what = "; ".join(map(str, field_problems(err)))
            raise NotConformant(f"{method} answered {type(answer).__name__} that is not a valid reply: {what}") from err


class PushReply(_Reply):
    """Answer of `push`; `success=False` means that nothing is promised, so the batch is pushed again."""

    success: bool = True
    snapshot_needed: bool = False
    refused_rows: int = Field(default=0, ge=0, description="Rows of this batch that the pusher set aside")
    refused_deletions: int = Field(default=0, ge=0, description="Deletions that its guard refused at this end")
    refused_reason: str | None = Field(default=None, description="Why, in the pusher's words, of one of those rows")

    def taken(self) -> Self:
        """The same reply.

        Raises:
            RetryableError: the pusher promises nothing.
        """
        if not self.success:
            raise RetryableError("push answered success=False")
        return self


class SessionReply(_Reply):
    """Answer of `create_session`."""

    session_id: str
    suggested_heartbeat_interval_seconds: float = Field(default=10.0, gt=0, allow_inf_nan=False)


def read_index(answer: Any) -> int:
    """The answer of `get_latest_committed_index`.

    Raises:
        NotConformant: it is not an integer.
    """
    if not isinstance(answer, int) or isinstance(answer, bool):
        raise NotConformant(f"get_latest_committed_index answered {type(answer).__name__}, not an integer")
    return answer
