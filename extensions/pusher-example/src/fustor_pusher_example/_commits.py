"""What the commits of a log add up to: pure, so that replaying them after a crash gives what there was before it."""

from __future__ import annotations

from dataclasses import dataclass, field

from fustor_event_model import EventBase, MessageSource

__all__ = ["Commit", "Task"]


@dataclass(frozen=True)
class Commit:
    """The line that makes a batch durable. Indexes are the highest of the batch, -1 where no event has one."""

    task: str
    session: str
    phase: str
    digest: str
    realtime_index: int
    snapshot_index: int
    is_snapshot: bool
    is_snapshot_end: bool

    @classmethod
    def of(cls, events: list[EventBase], *, task: str, session: str, phase: str, digest: str, end: bool) -> Commit:
        """The commit of these events; an empty batch that ends a snapshot is one of it."""
        return cls(
            task=task,
            session=session,
            phase=phase,
            digest=digest,
            realtime_index=_highest(events, MessageSource.REALTIME),
            snapshot_index=_highest(events, MessageSource.SNAPSHOT),
            is_snapshot=end or any(event.message_source == MessageSource.SNAPSHOT for event in events),
            is_snapshot_end=end,
        )


@dataclass
class Task:
    """What is durable of one task, over all its sessions."""

    realtime_index: int = -1
    snapshot_index: int = -1
    complete: bool = False
    _snapshot_session: str | None = None
    _latest: tuple[str, int] = ("", -1)
    """The session that last told something in realtime, and its own highest index."""
    _digests: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def committed_index(self) -> int:
        """The index to resume from: -1 while a snapshot is unfinished, since no later event tells what it lacks."""
        if not self.complete:
            return -1
        return self.realtime_index if self.realtime_index >= 0 else self.snapshot_index

    def has(self, event: EventBase) -> bool:
        """Whether the index says that this event is durable already."""
        return event.message_source == MessageSource.REALTIME and 0 <= event.index <= self.realtime_index

    def repeats(self, commit: Commit) -> bool:
        """Whether this is the last batch of its session and phase once more."""
        return self._digests.get(commit.phase) == (commit.session, commit.digest)

    def add(self, commit: Commit) -> None:
        """Take note of a batch that is durable."""
        self._digests[commit.phase] = (commit.session, commit.digest)
        if commit.is_snapshot and commit.session != self._snapshot_session:
            self._begin_snapshot(commit.session)
        self.complete |= commit.is_snapshot_end
        self.snapshot_index = max(self.snapshot_index, commit.snapshot_index)
        if commit.realtime_index >= 0:
            own = self._latest[1] if self._latest[0] == commit.session else -1
            self._latest = (commit.session, max(own, commit.realtime_index))
            self.realtime_index = max(self.realtime_index, commit.realtime_index)

    def _begin_snapshot(self, session: str) -> None:
        """A session with a snapshot starts from nothing: indexes of earlier ones may be those of a source long gone."""
        self._snapshot_session = session
        self.complete = False
        self.snapshot_index = -1
        self.realtime_index = self._latest[1] if self._latest[0] == session else -1


def _highest(events: list[EventBase], source: MessageSource) -> int:
    return max((event.index for event in events if event.message_source == source), default=-1)
