"""What a running host counts; `status` has the frozen record of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from fustor_driver.hosts.attempts import Attempt
from fustor_driver.hosts.ending import UnderWay
from fustor_driver.hosts.status import PhaseState, PhaseStatus, RunState, Status
from fustor_driver.redaction import clean
from fustor_event_model import MessageSource

__all__ = ["BatchSize", "Phase", "Progress"]

_RATE_WINDOW_SEC = 5.0
_READING = (PhaseState.CONNECTING, PhaseState.RUNNING)


@dataclass(frozen=True)
class BatchSize:
    """What a batch holds, counted before a pusher has it in hand."""

    events: int
    rows: int
    last_index: int


class Phase:
    """What one phase does and has done."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.state = PhaseState.WAITING
        self.is_retrying = False
        self.held = 0
        """Events that are taken for a push that has not come through."""
        self.runs = self.events = self.rows = 0
        self.last_index = -1
        self.queue: Callable[[], tuple[int, float]] = lambda: (0, 0.0)
        self.expected_rows: int | None = None
        self.completed_at: datetime | None = None
        self._began_at: float | None = None
        self._ended_at: float | None = None
        self._rows_before = 0
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    @property
    def run_rows(self) -> int:
        """Rows of the run under way, or of the last one."""
        return self.rows - self._rows_before

    def begin(self, queue: Callable[[], tuple[int, float]], state: PhaseState = PhaseState.RUNNING) -> None:
        """A run of the phase begins; `queue` says how many events wait, and for how many seconds."""
        self.changes(state)
        self.queue = queue
        self._began_at, self._ended_at, self._rows_before = self._clock(), None, self.rows
        self.held = 0

    def end(self, state: PhaseState) -> None:
        """The run has ended; a complete one counts, and its rows are what the next one is measured by.

        What a stopped one had still to push stays counted.
        """
        if state is PhaseState.STOPPED:
            self.held += self.queue()[0]
        self.changes(state)
        self._ended_at = self._clock()
        self.queue = lambda: (0, 0.0)
        if state is PhaseState.DONE:
            self.runs += 1
            self.completed_at = datetime.now(UTC)
            self.expected_rows = self.run_rows

    def run_sec(self) -> float:
        """Its seconds."""
        if self._began_at is None:
            return 0.0
        return (self._clock() if self._ended_at is None else self._ended_at) - self._began_at

    @property
    def shown_state(self) -> PhaseState:
        """The state as others are to see it."""
        return PhaseState.RETRYING if self.is_retrying and self.state in _READING else self.state

    def changes(self, state: PhaseState) -> None:
        """The phase does something else now."""
        self.state, self.is_retrying = state, False

    def add(self, batch: BatchSize) -> None:
        """Count a batch that is durable."""
        self.is_retrying = False
        self.events += batch.events
        self.rows += batch.rows
        self.last_index = max(self.last_index, batch.last_index)
        with self._lock:
            self._recent.append((self._clock(), batch.rows))
            self._forget()

    def _forget(self) -> None:
        since = self._clock() - _RATE_WINDOW_SEC
        while self._recent and self._recent[0][0] < since:
            self._recent.popleft()

    def status(self, uptime_sec: float, expected_rows: int | None) -> PhaseStatus:
        """The phase as it stands."""
        with self._lock:
            self._forget()
            recent_rows = sum(rows for _, rows in self._recent)
        queued, lag_sec = self.queue()
        span = max(min(uptime_sec, _RATE_WINDOW_SEC), 0.001)
        return PhaseStatus(
            state=self.shown_state,
            runs=self.runs,
            events=self.events,
            rows=self.rows,
            rows_per_sec=round(recent_rows / span, 1),
            queued=queued,
            lag_sec=round(lag_sec, 3),
            last_index=self.last_index,
            run_rows=self.run_rows,
            run_sec=round(self.run_sec(), 3),
            expected_rows=expected_rows if expected_rows and expected_rows >= self.run_rows else None,
            completed_at=self.completed_at,
        )


class Progress:
    """The host's counters; changed in its loop only, read through `status()`, from any thread."""

    def __init__(self, task_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = RunState.STARTING
        self.session_id: str | None = None
        self.sessions = 0
        self.resumed_from = -1
        self.committed_index = -1
        self.caught_up = False
        self.retries = 0
        self.dead_letters = 0
        self.refused_deletions = 0
        self.statistics: dict[str, dict[str, float]] = {}
        self.unpushed_at_end = 0
        self.under_way = UnderWay()
        self._pusher_is_away = False
        self.last_error: str | None = None
        self._task_id = task_id
        self._clock = clock
        self._started = clock()
        self._started_at = datetime.now(UTC)
        self.phases = {phase: Phase(clock) for phase in MessageSource}

    def runs(self) -> None:
        """Both sides are open."""
        if self.state is RunState.STARTING:
            self.state = RunState.RUNNING

    def ended(self, state: RunState, error: str | None = None) -> None:
        """The run is over, by an error if there is one."""
        self.state = state
        self.last_error = error or self.last_error

    def unpushed(self) -> int:
        """Events that were read and not pushed."""
        return sum(phase.queue()[0] + phase.held for phase in self.phases.values())

    def attempted(self, phase: MessageSource, attempt: Attempt) -> None:
        """The source has failed to reach what a phase reads and tries again, or (number 0) has reached it."""
        self.phases[phase].is_retrying = attempt.number > 0
        if attempt.number:
            self.retries += 1
            self.last_error = attempt.text

    def pusher_failed(self, text: str) -> None:
        """A call of the pusher failed and is tried again."""
        self._pusher_is_away = True
        self.retries += 1
        self.last_error = text

    def pusher_answered(self) -> None:
        """A call of the pusher came through."""
        self._pusher_is_away = False

    def _shown_state(self) -> RunState:
        is_away = self._pusher_is_away or any(
            phase.shown_state is PhaseState.RETRYING for phase in self.phases.values()
        )
        return RunState.RETRYING if is_away and self.state in (RunState.STARTING, RunState.RUNNING) else self.state

    def status(self) -> Status:
        """The counters as they stand."""
        uptime_sec = self._clock() - self._started
        return Status(
            task_id=self._task_id,
            state=self._shown_state(),
            started_at=self._started_at,
            uptime_sec=round(uptime_sec, 3),
            session_id=self.session_id,
            sessions=self.sessions,
            resumed_from=self.resumed_from,
            committed_index=self.committed_index,
            caught_up=self.caught_up,
            phases={phase: self._phase_status(phase, uptime_sec) for phase in self.phases},
            retries=self.retries,
            dead_letters=self.dead_letters,
            refused_deletions=self.refused_deletions,
            unpushed=self.unpushed_at_end,
            last_error=None if self.last_error is None else clean(self.last_error),
            statistics={side: dict(figures) for side, figures in list(self.statistics.items())},
        )

    def _phase_status(self, phase: MessageSource, uptime_sec: float) -> PhaseStatus:
        """Of a phase that reads everything, the source's own estimate is newer than what was counted last."""
        expected = self.phases[phase].expected_rows
        if phase is MessageSource.REALTIME:
            expected = None
        elif estimated := self.statistics.get("source", {}).get("estimated_rows"):
            expected = int(estimated)
        return self.phases[phase].status(uptime_sec, expected)
