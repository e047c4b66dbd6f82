"""What a running host has done and is doing, as a frozen record."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from fustor_event_model import MessageSource

__all__ = ["PhaseState", "PhaseStatus", "RunState", "Status"]


class RunState(StrEnum):
    """What a run is doing, or how it ended."""

    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"
    """A side is not reached, and tried again."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    """Everything that was read is pushed."""
    ABORTED = "aborted"
    """Something that was read is not pushed, or a driver did not end."""
    FAILED = "failed"
    """An error ended it."""


class PhaseState(StrEnum):
    """What a phase of the host is doing."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    """The source opens its stream."""
    RUNNING = "running"
    RETRYING = "retrying"
    """The source does not reach what it reads, and tries again."""
    DONE = "done"
    STOPPED = "stopped"
    """It was asked to stop before its end."""
    FAILED = "failed"


class PhaseStatus(BaseModel):
    """One phase: totals since the start, rate over the last seconds, and what waits to be pushed."""

    model_config = ConfigDict(frozen=True)

    state: PhaseState
    runs: int
    events: int
    rows: int
    rows_per_sec: float
    queued: int
    lag_sec: float
    last_index: int
    run_rows: int = 0
    """Rows of the run that is under way, or was the last one; and its seconds."""
    run_sec: float = 0.0
    expected_rows: int | None = None
    """How many it will be, as far as the source, or the run before, can tell."""
    completed_at: datetime | None = None
    """The end of the last complete run."""

    @property
    def left_sec(self) -> float | None:
        """The time that the run under way still takes at its speed so far; None where nobody can tell."""
        if self.state is not PhaseState.RUNNING or not (self.expected_rows and self.run_rows):
            return None
        return max(self.expected_rows - self.run_rows, 0) * self.run_sec / self.run_rows


class Status(BaseModel):
    """The host at one moment; written to `--status FILE` and shown on a terminal."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    state: RunState
    started_at: datetime
    uptime_sec: float
    session_id: str | None
    sessions: int
    resumed_from: int
    committed_index: int
    caught_up: bool = False
    """Of a run that is to end: everything that it was for is pushed."""
    phases: dict[MessageSource, PhaseStatus]
    retries: int
    dead_letters: int
    refused_deletions: int = 0
    unpushed: int = 0
    """Events that were read and not pushed, at the end of a run."""
    last_error: str | None
    statistics: dict[str, dict[str, float]] = {}
    """What the drivers count of themselves, by `source` and `pusher`."""
