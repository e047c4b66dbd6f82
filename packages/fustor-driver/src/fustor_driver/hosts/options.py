"""How the guide host runs one task."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MAX_REFUSED_IN_A_ROW", "HostOptions"]

MAX_REFUSED_IN_A_ROW = 1_000


class HostOptions(BaseModel):
    """Bounds and intervals; none of them changes what is delivered, only when."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task_id: str = Field(description="Names the state that the pusher keeps; stable over restarts")
    audit_interval_sec: float = Field(default=600.0, ge=0, description="Seconds between two audits; 0: none")
    push_max_events: int = Field(default=1_000, gt=0, description="Events in one push")
    push_max_rows: int = Field(default=10_000, gt=0, description="A push ends with the event that reaches this")
    push_max_bytes: int = Field(default=16 << 20, gt=0, description="A push ends with the event that reaches this")
    read_ahead_bytes: int = Field(
        default=64 << 20, gt=0, description="About so many bytes of a phase are read before they are pushed"
    )
    max_refused_in_a_row: int = Field(
        default=MAX_REFUSED_IN_A_ROW, gt=0, description="So many refused rows, and none taken in between, end the run"
    )
    allow_deletions: bool = Field(default=False, description="Let the pusher delete as much as a run's ends say")
    once: bool = Field(default=False, description="End when a snapshot and what came meanwhile are pushed")
    full_refresh: bool = Field(default=False, description="Resume nothing: begin with a snapshot")
    quiet_sec: float = Field(
        default=2.0, gt=0, description="A source that cannot say how far it is has caught up after so long without news"
    )
    stop_timeout_sec: float = Field(default=10.0, gt=0, description="Time for a graceful stop")
    backoff_max_sec: float = Field(default=60.0, gt=0, description="Longest pause between two attempts")
    state_dir: Path = Field(default=Path(".fustor"), description="Directory of dead letters and of the snapshot mark")

    def file(self, suffix: str) -> Path:
        """The task's file of this suffix."""
        return self.state_dir / f"{quote(self.task_id, safe='')}{suffix}"
