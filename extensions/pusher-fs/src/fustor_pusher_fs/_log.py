"""The log of one task: commits batches, begins new segments, removes old ones.

Two drivers of this process that write one task share its log; other processes are refused.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from fustor_event_model import EventBase, MessageSource
from fustor_pusher_fs._directory import Directory, segment_name
from fustor_pusher_fs._errors import RetryableError, opening_error, writing_error
from fustor_pusher_fs._guard import Judged, judge
from fustor_pusher_fs._held import HeldRows
from fustor_pusher_fs._lines import FORMAT, Header, Mark, Payload, encode
from fustor_pusher_fs._opening import open_last
from fustor_pusher_fs._progress import UNKNOWN, Batch, Counters, Progress, Session
from fustor_pusher_fs._segment import Segment
from fustor_pusher_fs.config import FsParams

_log = logging.getLogger("fustor_pusher_fs")


class TaskLog:
    """One task's directory, opened and locked against other processes; any thread may use it.

    `params` may be replaced at any time; they hold from the next batch on.
    """

    def __init__(self, path: Path, task: str, params: FsParams, *, clock: Callable[[], float]) -> None:
        """Open or create the log.

        Raises:
            ConfigError: the user must change something: permissions, a link, another process, another task's files.
            RetryableError: a full disk and the like.
            DamagedFileError: the last file holds committed batches and is not valid.
        """
        self.task = task
        self.params = params
        self._clock = clock
        self._lock = threading.Lock()
        try:
            self._directory = Directory(path, params)
            try:
                opened = open_last(self._directory, task)
                self._held = HeldRows(self._directory)
            except BaseException:
                self._directory.close()
                raise
        except OSError as error:
            raise opening_error(path, error) from error
        self._segment = opened.segment
        self._must_begin = False
        self._next_batch = opened.next_batch
        self._progress = Progress(opened.committed)
        self.cuts = opened.cuts
        """How many uncommitted pieces were set aside when it was opened."""

    @property
    def committed(self) -> int:
        """The index to resume from; -1 until a complete snapshot is durable."""
        return self._progress.committed

    def begin(self, session_id: str, counters: Counters) -> Session:
        """Open a session; nothing is written for it before its first batch."""
        with self._lock:
            return self._progress.begin(session_id, self.task, counters)

    def commit(
        self,
        session: Session,
        events: Sequence[EventBase],
        *,
        is_snapshot_end: bool,
        source_type: str | None,
        allow_deletions: bool = False,
    ) -> int:
        """Make a batch durable, without what is here already; return how many deletions the guard refused.

        A batch without events is written if it ends a snapshot, or if `source_type` says that one has begun.

        Raises:
            RetryableError: nothing was committed, and the same batch may be pushed again.
            DriverError: an event cannot be written as JSON.
        """
        if not events and not is_snapshot_end and source_type != MessageSource.SNAPSHOT.value:
            return 0
        payload = encode(events)
        batch = Batch.of(events, is_snapshot_end=is_snapshot_end)
        with self._lock:
            return self._commit_once(session, batch, events, payload, allowed=allow_deletions)

    def _commit_once(
        self, session: Session, batch: Batch, events: Sequence[EventBase], payload: Payload, *, allowed: bool
    ) -> int:
        if session.has(batch, payload.digest):
            session.counters.duplicate_batches += 1
            return session.refused if batch.is_snapshot_end else 0
        new = list(events) if batch.has_signal else session.without_known(events)
        session.counters.duplicate_events += len(events) - len(new)
        if events and not new and not batch.is_snapshot_end:
            return 0
        judged = judge(
            replace(session.counts, held=self._held.rows),
            new,
            self.params,
            task=self.task,
            is_snapshot_end=batch.is_snapshot_end,
            allowed=allowed,
        )
        written = payload if len(judged.events) == len(events) else encode(judged.events)
        self._write(session, batch, judged, written)
        self._progress.take(session, batch, payload.digest)
        self._take_counts(session, judged)
        return judged.refused

    def _take_counts(self, session: Session, judged: Judged) -> None:
        is_end = judged.is_snapshot_end or (session.counts.audit is not None and judged.counts.audit is None)
        session.counts, session.refused = judged.counts, judged.refused
        session.counters.refused_deletions += judged.refused
        self._held.take(judged.counts.held, is_end=is_end)

    def close(self) -> None:
        """Release the directory. What a failed write left behind may stay: the next opening deals with it."""
        with self._lock:
            try:
                self._held.close()
                if self._segment is not None:
                    self._segment.close()
            except (OSError, RetryableError) as error:  # nothing that was committed depends on it
                _log.warning("Cannot tidy up %s: %s", self._directory.path, error)
            finally:
                self._directory.close()

    def _write(self, session: Session, batch: Batch, judged: Judged, payload: Payload) -> None:
        data = payload.lines + self._mark(session, batch, judged, payload).line()
        try:
            if self._segment is not None and not self._is_full(self._segment, len(data)):
                self._segment.append(data)
            else:
                self._begin_segment(data, session.counters)
        except OSError as error:
            session.counters.failed_writes += 1
            raise writing_error(self._directory.path, error) from error
        self._next_batch += 1
        session.counters.batches += 1
        session.counters.events += len(judged.events)
        session.counters.rows += sum(len(event.rows) for event in judged.events)
        session.counters.bytes_written += len(data)

    def _mark(self, session: Session, batch: Batch, judged: Judged, payload: Payload) -> Mark:
        return Mark(
            batch=self._next_batch,
            task=self.task,
            session=session.id,
            phase="+".join(batch.phases),
            index=max((event.index for event in judged.events), default=UNKNOWN),
            is_snapshot_end=judged.is_snapshot_end,
            committed=self._progress.committed_with(session, batch),
            events=len(judged.events),
            length_bytes=len(payload.lines),
            digest=payload.digest,
            time=self._clock(),
        )

    def _is_full(self, segment: Segment, more_bytes: int) -> bool:
        if self._must_begin or not segment.has_batches:
            return self._must_begin
        age = self.params.segment_max_age_sec
        return segment.size + more_bytes > self.params.segment_max_bytes or (
            age is not None and self._clock() - segment.created >= age
        )

    def _begin_segment(self, data: bytes, counters: Counters) -> None:
        old = self._segment
        if old is not None:
            old.settle()  # only the last file may have a torn end
        self._must_begin = True  # until it worked: a piece of the new file may be left that only this sets aside
        header = Header(
            format=FORMAT,
            task=self.task,
            segment=1 if old is None else old.number + 1,
            created=self._clock(),
            next_batch=self._next_batch,
            committed=self._progress.committed,
        )
        self._segment = Segment.create(self._directory, header.segment, header.line() + data, created=header.created)
        self._must_begin = False
        counters.segments_begun += 1
        if old is not None:
            counters.segments_removed += self._retire(old)

    def _retire(self, old: Segment) -> int:
        # The batch is durable already: what goes wrong from here on must not be reported as if it were not.
        try:
            old.close()
            return self._remove_expired()
        except OSError as error:
            _log.warning("Cannot tidy up %s: %s", self._directory.path, error)
            return 0

    def _remove_expired(self) -> int:
        """Remove the oldest full segments as far as the parameters ask, never leaving a gap; return how many."""
        age, limit = self.params.retain_age_sec, self.params.retain_bytes
        if age is None and limit is None:
            return 0
        full = [(number, self._directory.stat(segment_name(number))) for number in self._directory.numbers()[:-1]]
        total = sum(status.st_size for _, status in full) + (self._segment.size if self._segment is not None else 0)
        removed = 0
        for number, status in full:
            is_old = age is not None and self._clock() - status.st_mtime >= age
            if not is_old and (limit is None or total <= limit):
                break
            self._directory.remove(segment_name(number))
            total -= status.st_size
            removed += 1
        if removed:
            self._directory.sync()
        return removed


_guard = threading.Lock()
_open: dict[tuple[int, Path], tuple[TaskLog, int]] = {}
"""Logs, each with how many drivers use it. By process as well: a forked child inherits this, and must not take its
parent's log for its own."""


def acquire(path: Path, task: str, params: FsParams, *, clock: Callable[[], float]) -> tuple[TaskLog, bool]:
    """The log of a task, and whether this opened it; the newest parameters hold. Errors as from `TaskLog`."""
    key = (os.getpid(), path)
    with _guard:
        log, users = _open.get(key) or (TaskLog(path, task, params, clock=clock), 0)
        log.params = params
        _open[key] = log, users + 1
        return log, not users


def release(path: Path) -> None:
    """Give a log back; the last one closes it."""
    key = (os.getpid(), path)
    with _guard:
        log, users = _open.pop(key)
        if users > 1:
            _open[key] = log, users - 1
        else:
            log.close()
