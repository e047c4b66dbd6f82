"""What pushers import from fustor-core 1 and the fustor-core of agent 0.8 lacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fustor_core.exceptions import DriverError
from fustor_core.models.config import ApiKeyCredential, PasswdCredential
from fustor_event_model import EventBase

__all__ = ["NotSupported", "PusherConfig", "PusherDriver", "RetryableError"]


class RetryableError(DriverError):
    """The other side may recover; back off and go on from the last position."""


class NotSupported(DriverError):  # noqa: N818 - the contract's name: it is an answer, not a fault
    """This driver lacks the feature that was asked for."""


class PusherConfig(BaseModel):
    """Where a pusher driver writes, and how; the fields of fustor-core 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    driver: str
    endpoint: str = Field(repr=False)
    credential: ApiKeyCredential | PasswdCredential | None = Field(default=None, repr=False)
    batch_size: int = Field(default=100, gt=0)
    max_retries: int = Field(default=10, gt=0)
    retry_delay_sec: float = Field(default=5, gt=0, le=86_400, allow_inf_nan=False)
    disabled: bool = True
    driver_params: dict[str, Any] = Field(default_factory=dict, repr=False)


class PusherDriver(ABC):
    """Writes events to a destination; what each method promises is in the docstrings of fustor-core 1."""

    def __init__(self, id: str, config: PusherConfig) -> None:
        self.id = id
        self.config = config

    @abstractmethod
    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        """Write a batch, durably."""

    @abstractmethod
    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Keep the session alive."""

    @abstractmethod
    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        """Open a session."""

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        """The index to resume from; -1: a snapshot is needed."""
        del kwargs
        return -1

    @classmethod
    @abstractmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """The fields that this pusher needs; `{}` means all."""

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the destination can be reached."""
        del kwargs
        return False, f"Not supported: {cls.__name__} has no test_connection"

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the credentials suffice."""
        del kwargs
        return False, f"Not supported: {cls.__name__} has no check_privileges"

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        """Steps of a configuration wizard."""
        return {"steps": []}

    def statistics(self) -> Mapping[str, float]:
        """Counters by name."""
        return {}

    async def close(self) -> None:  # noqa: B027 - most pushers hold nothing
        """Release everything."""
