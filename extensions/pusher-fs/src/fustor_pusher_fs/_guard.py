"""The guard against mass deletion: which ends of snapshots and audits a reader of the log is not to see.

A log deletes nothing; whoever reads it does, at the end of a snapshot or of an audit. What would go then is known by
counts alone: of the rows that a reader holds, and of those that the pass has brought.
Source: driver contract, section 8.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource
from fustor_pusher_fs.config import FsParams

__all__ = ["Counts", "Judged", "Pass", "judge"]

_log = logging.getLogger("fustor_pusher_fs")


@dataclass(frozen=True, slots=True)
class Pass:
    """What a snapshot or an audit has brought: `rows`, and how many of them are containers that were not listed."""

    rows: int = 0
    unlisted: int = 0
    is_root_unlisted: bool = False

    def with_event(self, event: EventBase) -> Pass:
        """The same and one event more. A mark stands on rows of all or none of an event, by its fields."""
        rows: list[object] = list(event.rows) if "audit_skipped" in event.fields else []
        marked = [row for row in rows if isinstance(row, Mapping) and row.get("audit_skipped") is True]
        return Pass(
            self.rows + len(event.rows),
            self.unlisted + len(marked),
            self.is_root_unlisted or any(row["path"] == "/" for row in marked),
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """What is known by counting, in one session; `held` is the task's, None until a pass has ended."""

    held: int | None = None
    snapshot: Pass = Pass()
    audit: Pass | None = None

    def with_event(self, event: EventBase) -> Counts:
        """The same and the rows of one event more."""
        if event.message_source is MessageSource.SNAPSHOT:
            return replace(self, snapshot=self.snapshot.with_event(event))
        if event.message_source is MessageSource.AUDIT:
            return self._with_audit(event)
        if self.held is None or event.event_type is EventType.UPDATE:
            return self
        more = len(event.rows) if event.event_type is EventType.INSERT else -len(event.rows)
        return replace(self, held=max(self.held + more, 0))

    def _with_audit(self, event: EventBase) -> Counts:
        begun = Pass() if event.signal is LifecycleSignal.AUDIT_START else self.audit
        return replace(self, audit=begun.with_event(event) if begun is not None else None)

    def gone(self, passed: Pass, *, is_snapshot: bool) -> int:
        """How many rows a reader would delete at the end of a pass, as far as counts can say.

        What is below containers that were not listed stays; how much that is nobody counted, so it counts as gone.
        """
        nothing_listed = passed.is_root_unlisted if is_snapshot else passed.rows == passed.unlisted
        return 0 if self.held is None or nothing_listed else max(self.held - passed.rows, 0)

    def after(self, passed: Pass, *, is_snapshot: bool) -> Counts:
        """What is known once a reader has taken in the end of a pass."""
        kept = 0 if not passed.unlisted or self.held is None else self.held
        held = replace(self, held=max(passed.rows, kept))
        return held if is_snapshot else replace(held, audit=None)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be written of a batch: its events, and whether a reader learns that the snapshot ended."""

    events: list[EventBase]
    is_snapshot_end: bool
    refused: int
    counts: Counts


def judge(
    counts: Counts, events: Sequence[EventBase], params: FsParams, *, task: str, is_snapshot_end: bool, allowed: bool
) -> Judged:
    """Leave out of a batch the ends at which a reader would delete too much. A refused end may come again."""
    kept: list[EventBase] = []
    refused = 0
    for event in events:
        counts = counts.with_event(event)
        if event.signal is LifecycleSignal.AUDIT_END and counts.audit is not None:
            more = _refused(counts, counts.audit, params, task, is_snapshot=False, allowed=allowed)
            refused += more
            if more:
                continue
            counts = counts.after(counts.audit, is_snapshot=False)
        kept.append(event)
    if is_snapshot_end:
        more = _refused(counts, counts.snapshot, params, task, is_snapshot=True, allowed=allowed)
        counts = counts if more else counts.after(counts.snapshot, is_snapshot=True)
        return Judged(kept, not more, refused + more, counts)
    return Judged(kept, False, refused, counts)


def _refused(counts: Counts, passed: Pass, params: FsParams, task: str, *, is_snapshot: bool, allowed: bool) -> int:
    gone, held = counts.gone(passed, is_snapshot=is_snapshot), counts.held or 0
    if allowed or gone <= params.max_delete_rows or gone <= params.max_delete_share * held:
        return 0
    _log.warning(
        "The end of %s would have deleted about %d of the %d rows of task %r, more than `max_delete_share` allows; "
        "that end is kept from readers of the log, and `fustor-driver run --allow-deletions` allows it for one run",
        "a snapshot" if is_snapshot else "an audit",
        gone,
        held,
        task,
    )
    return gone
