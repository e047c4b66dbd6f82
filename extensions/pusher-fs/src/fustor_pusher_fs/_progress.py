"""How far a task has come, and which events it has already: contract section 5 for an append log, without any I/O.

The index that a host may resume from belongs to the newest session that committed something. A session either
resumes from an index and takes no snapshot, or it takes one and counts for nothing until the snapshot's end is
durable. That a session takes a snapshot is known from its first snapshot batch on, or because there was
no index to resume from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fustor_event_model import EventBase, MessageSource
from fustor_pusher_fs._guard import Counts

UNKNOWN = -1


@dataclass(slots=True)
class Counters:
    """What was done for one driver since it was constructed."""

    batches: int = 0
    events: int = 0
    rows: int = 0
    bytes_written: int = 0
    duplicate_batches: int = 0
    duplicate_events: int = 0
    failed_writes: int = 0
    refused_deletions: int = 0
    segments_begun: int = 0
    segments_removed: int = 0
    cuts: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What counts of a batch, apart from its bytes."""

    phases: tuple[str, ...]
    """The `message_source` values in it; of a batch without events the phase that it speaks for."""
    realtime: int
    """Highest index of a realtime event, or -1."""
    snapshot: int
    """Highest index of a snapshot event, or -1."""
    has_signal: bool
    is_snapshot_end: bool

    @property
    def is_of_snapshot(self) -> bool:
        """Whether it is part of a snapshot."""
        return self.is_snapshot_end or MessageSource.SNAPSHOT.value in self.phases

    @classmethod
    def of(cls, events: Sequence[EventBase], *, is_snapshot_end: bool) -> Batch:
        """What counts of these events; a batch without any speaks for the snapshot phase."""
        highest: dict[MessageSource, int] = {}
        has_signal = False
        for event in events:
            source = event.message_source
            highest[source] = max(event.index, highest.get(source, UNKNOWN))
            has_signal = has_signal or event.signal is not None
        return cls(
            phases=tuple(sorted(source.value for source in highest)) or (MessageSource.SNAPSHOT.value,),
            realtime=highest.get(MessageSource.REALTIME, UNKNOWN),
            snapshot=highest.get(MessageSource.SNAPSHOT, UNKNOWN),
            has_signal=has_signal,
            is_snapshot_end=is_snapshot_end,
        )


def _is_known(event: EventBase, floor: int) -> bool:
    # Only of the realtime stream is it promised that indexes increase: all rows of a snapshot may share one.
    return event.message_source is MessageSource.REALTIME and UNKNOWN < event.index <= floor


@dataclass(slots=True)
class Session:
    """What one call of `create_session` opened, and what was committed in it."""

    id: str
    task: str
    number: int
    counters: Counters
    resume_from: int
    """The committed index when it began: where the host resumes, unless it takes a snapshot."""
    realtime: int = UNKNOWN
    snapshot: int = UNKNOWN
    snapshot_begun: bool = False
    snapshot_ended: bool = False
    dropped_as_known: bool = False
    """Realtime events were dropped because an earlier session had their indexes."""
    counts: Counts = field(default_factory=Counts)
    """What a guard knows of the session; `held` counts in the task alone."""
    refused: int = 0
    """Deletions that the last batch would have brought."""
    last: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Digest and `is_snapshot_end` of the last batch of each phase."""

    @property
    def floor(self) -> int:
        """Realtime events at or below this index are here already."""
        resumes = self.resume_from > UNKNOWN and not self.snapshot_begun
        return max(self.realtime, self.resume_from) if resumes else self.realtime

    @property
    def is_spoilt(self) -> bool:
        """Whether events that its snapshot needs were dropped as duplicates before the snapshot was announced."""
        return self.dropped_as_known and self.snapshot_begun

    def has(self, batch: Batch, digest: str) -> bool:
        """Whether the batch repeats the last one of every phase in it; a batch with a signal never does."""
        return not batch.has_signal and all(
            self.last.get(phase) == (digest, batch.is_snapshot_end) for phase in batch.phases
        )

    def without_known(self, events: Sequence[EventBase]) -> list[EventBase]:
        """The events that are not here already by their index."""
        floor = self.floor
        new = [event for event in events if not _is_known(event, floor)]
        if len(new) < sum(not _is_known(event, self.realtime) for event in events):
            self.dropped_as_known = True
        return new


class Progress:
    """The committed index of one task."""

    def __init__(self, committed: int = UNKNOWN) -> None:
        self.committed = committed
        self._sessions = 0
        self._newest = 0

    def begin(self, session_id: str, task: str, counters: Counters) -> Session:
        """Open a session of the driver that counts here."""
        self._sessions += 1
        return Session(id=session_id, task=task, number=self._sessions, counters=counters, resume_from=self.committed)

    def committed_with(self, session: Session, batch: Batch) -> int:
        """What the committed index will be when this batch is durable."""
        if session.number < self._newest:
            return self.committed
        realtime = max(session.realtime, batch.realtime)
        if self._ends_snapshot(session, batch):
            return realtime if realtime > UNKNOWN else max(session.snapshot, batch.snapshot)
        if session.snapshot_begun or batch.is_of_snapshot:
            return UNKNOWN
        return max(self.committed, realtime) if session.resume_from > UNKNOWN else UNKNOWN

    def take(self, session: Session, batch: Batch, digest: str) -> None:
        """Note that this batch is durable."""
        self.committed = self.committed_with(session, batch)
        self._newest = max(self._newest, session.number)
        session.snapshot_ended = self._ends_snapshot(session, batch)
        session.snapshot_begun = session.snapshot_begun or batch.is_of_snapshot
        session.realtime = max(session.realtime, batch.realtime)
        session.snapshot = max(session.snapshot, batch.snapshot)
        session.last.update(dict.fromkeys(batch.phases, (digest, batch.is_snapshot_end)))

    @staticmethod
    def _ends_snapshot(session: Session, batch: Batch) -> bool:
        return session.snapshot_ended or (batch.is_snapshot_end and not session.dropped_as_known)
