"""What the last audit saw, what realtime has reported since, and what the next audit therefore need not list again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fustor_event_model import DeleteEvent, EventBase
from fustor_source_fs._root import OPEN_CHILD, Root, is_same_or_closed
from fustor_source_fs._rows import Row, row_in, skipped, split
from fustor_source_fs._walk import Directory
from fustor_source_fs.config import FsParams

__all__ = ["AuditMemory", "Notes", "Past", "Record", "Unchanged", "stamps_of"]

_LIMIT = 200_000
_WORTH_OPENING = 4


@dataclass(slots=True)
class Record:
    """A directory as the last audit saw it. `since` is the moment, in sent events, at which it was visited."""

    stamps: tuple[int, int, int, int]
    mtime: float
    subdirectories: str
    since: int


@dataclass(frozen=True)
class Past:
    """What one audit may rely on. `touched` are containers, `touched_trees` containers with all below them."""

    records: dict[str, Record] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()
    touched_trees: frozenset[str] = frozenset()


class AuditMemory:
    """Kept by a driver instance between audits; realtime threads write to it while audits read.

    Time is counted in sent events (`moment`); `clock` gives seconds since the epoch. Only the last audit's records are
    kept, so a directory that it did not visit is unknown to the next one.
    """

    def __init__(self, params: FsParams) -> None:
        self.params = params
        self.clock = time.time
        self._lock = threading.Lock()
        self._past = Past()
        self._moment = 0
        self._began = 0
        self._all_deleted = 0
        self._deleted: dict[str, int] = {}
        self._trees: dict[str, int] = {}
        self._below: dict[str, int] = {}
        self._audits = 0

    def note(self, event: EventBase) -> None:
        """Take note of a realtime event that is being sent."""
        with self._lock:
            self._moment += 1
            moment = self._moment
            for row in event.rows:
                self._below[row["parent_path"]] = moment
                if isinstance(event, DeleteEvent):
                    self._deleted[row["path"]] = moment
                if row["is_directory"]:
                    self._trees[row["path"]] = moment
            if len(self._below) + len(self._deleted) + len(self._trees) > _LIMIT:
                self._all_deleted = moment
                for noted in (self._below, self._deleted, self._trees):
                    noted.clear()

    def begin(self) -> tuple[Past, int, int]:
        """Start an audit: what it may rely on, the moment it begins, and the moment the audit before it began.

        Every `full_audit_every`-th may rely on nothing. What is handed out is forgotten here, so that two audits at
        once never build on the same past.
        """
        with self._lock:
            self._audits += 1
            past, self._past = self._past, Past()
            full_every = self.params.full_audit_every
            if full_every and self._audits % full_every == 0:
                past = Past()
            before, self._began = self._began, self._moment + 1
            return past, self._began, before

    def end(self, records: dict[str, Record], began: int, before: int) -> None:
        """Keep what an audit saw for the next one, except containers that realtime touched since `before`."""
        with self._lock:
            parents = [path for path, moment in self._below.items() if moment >= before]
            trees = [path for path, moment in self._trees.items() if moment >= before]
            self._past = Past(records, frozenset(_with_containers_above(parents)), frozenset(trees))
            for noted in (self._below, self._deleted, self._trees):
                for path in [path for path, moment in noted.items() if moment < began]:
                    del noted[path]

    def deleted_at(self, path: str) -> int:
        """The moment at which realtime last reported that `path` was gone; 0 if it did not."""
        return max(self._deleted.get(path, 0), self._all_deleted)

    @property
    def knows_deletions(self) -> bool:
        """Whether realtime reported any deletion that could still matter."""
        return bool(self._deleted) or self._all_deleted > 0

    def now(self) -> int:
        """The moment of the last event sent."""
        return self._moment


def _with_containers_above(paths: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for start in paths:
        path = start
        while path and path not in seen:
            seen.add(path)
            yield path
            path = split(path)[0]


@dataclass(slots=True)
class Notes:
    """What an audit knows of a directory beside its rows.

    `read_at` is in seconds since the epoch; `since` and `deleted_at` are moments of the memory: sent events.
    """

    read_at: float
    since: int
    deleted_at: int
    tree_touched: bool
    unchanged: Record | None = None
    subdirectories: str = ""


class Unchanged:
    """Compares what the last audit saw and what the host remembers (`cache`, never written) with what is there."""

    def __init__(self, root: Root, memory: AuditMemory, past: Past, limit: int, cache: Mapping[str, float]) -> None:
        self._root = root
        self._memory = memory
        self._past = past
        self._limit = limit
        self._cache = cache

    def need_not_list(self, directory: Directory[Notes]) -> bool:
        """Whether what is known of an entered directory will do; its `data` is set."""
        if directory.fd is None or (directory.parent is None and self._is_unchanged(directory)):
            return True
        directory.data = self._notes(directory)
        return False

    def remembered(self, parent: Directory[Notes], raw: str, path: str) -> Directory[Notes] | None:
        """The directory as the last audit saw it, if nothing says that its entries may be others now."""
        if path not in self._past.records:
            return None
        try:
            status = os.lstat(self._root.path + raw)
        except OSError:  # gone, or a path too long for one call: opening it will show why
            return None
        directory = Directory(parent, raw, path, None, status)
        return directory if self._is_unchanged(directory) else None

    def record(self, directory: Directory[Notes]) -> Record | None:
        """What to remember of a listed directory; nothing, if a change in the same tick of its clock could hide."""
        status, notes = directory.status, directory.data
        if max(status.st_mtime, status.st_ctime) >= notes.read_at - self._memory.params.clock_granularity_sec:
            return None
        return Record(stamps_of(status), status.st_mtime, notes.subdirectories, notes.since)

    def leaves(self, directory: Directory[Notes]) -> Iterator[tuple[list[Row], dict[str, Record]]]:
        """Rows and records of unchanged subdirectories that hold no directory; the others remain to be visited.

        The same as visiting each, at a third of the cost: most directories of most trees are such leaves.
        """
        past, cache, memory, above = self._past, self._cache, self._memory, directory.data
        if not past.records or above.tree_touched or (fd := self._opened(directory)) is None:
            return
        records, is_touched = past.records, bool(past.touched or past.touched_trees)
        deleted_at = memory.deleted_at if memory.knows_deletions else None
        now, lstat, prefix = memory.now(), os.lstat, directory.prefix
        parent, parent_mtime, limit = directory.path, directory.status.st_mtime, self._limit
        rest: list[str] = []
        rows: list[Row] = []
        kept: dict[str, Record] = {}
        for name in directory.subdirectories:
            path = prefix + name
            record = records.get(path)
            if (
                record is None
                or record.subdirectories
                or (is_touched and (path in past.touched or path in past.touched_trees))
                or cache.get(path) != record.mtime
                or (deleted_at is not None and max(above.deleted_at, deleted_at(path)) > record.since)
                or not name.isascii()
            ):
                rest.append(name)
                continue
            try:
                status = lstat(name, dir_fd=fd)
            except OSError:  # visiting it will show why
                rest.append(name)
                continue
            if (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns) != record.stamps:
                rest.append(name)
                continue
            record.since = now
            kept[path] = record
            rows.append(row_in(parent, prefix, name, status, parent_mtime))
            if len(rows) >= limit:
                yield skipped(rows), kept
                rows, kept = [], {}
        directory.subdirectories = rest
        yield skipped(rows), kept

    def _opened(self, directory: Directory[Notes]) -> int | None:
        """A descriptor of a directory with enough subdirectories to be worth it; the walk closes it."""
        if directory.fd is None and len(directory.subdirectories) >= _WORTH_OPENING:
            try:
                fd = os.open(self._root.path + directory.raw, OPEN_CHILD)
            except OSError:  # gone, or a path too long for one call: visiting will show why
                return None
            if is_same_or_closed(fd, directory.identity()):
                directory.fd = fd
        return directory.fd

    def _is_unchanged(self, directory: Directory[Notes]) -> bool:
        path = directory.path
        record = self._past.records.get(path)
        if record is None or self._cache.get(path) != record.mtime or path in self._past.touched:
            return False
        if stamps_of(directory.status) != record.stamps:
            return False
        notes = self._notes(directory)
        if notes.tree_touched or notes.deleted_at > record.since:
            return False
        notes.unchanged = record
        directory.data = notes
        directory.subdirectories = record.subdirectories.split("\0") if record.subdirectories else []
        return True

    def _notes(self, directory: Directory[Notes]) -> Notes:
        deleted_at = self._memory.deleted_at(directory.path)
        tree_touched = directory.path in self._past.touched_trees
        if directory.parent is not None:
            deleted_at = max(deleted_at, directory.parent.data.deleted_at)
            tree_touched = tree_touched or directory.parent.data.tree_touched
        return Notes(self._memory.clock(), self._memory.now(), deleted_at, tree_touched)


def stamps_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a directory does: device, inode, and the times of its entries and of itself."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
