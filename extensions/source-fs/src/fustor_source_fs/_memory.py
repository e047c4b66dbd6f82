"""What the last audit saw of each directory, and what realtime has told since."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fustor_event_model import DeleteEvent, EventBase
from fustor_source_fs._rows import split

__all__ = ["AuditMemory", "Past", "Record"]

_LIMIT = 200_000


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

    Time is counted in sent events (`moment`). Only the last audit's records are kept, so a directory that it did not
    visit is unknown to the next one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._past = Past()
        self._moment = 0
        self._began = 0
        self._all_deleted = 0
        self._deleted: dict[str, int] = {}
        self._trees: dict[str, int] = {}
        self._below: dict[str, int] = {}
        self.audits = 0

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

        What is handed out is forgotten here, so that two audits at once never build on the same past.
        """
        with self._lock:
            self.audits += 1
            past, self._past = self._past, Past()
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
        """The moment at which realtime last told that `path` was gone; 0 if it did not."""
        return max(self._deleted.get(path, 0), self._all_deleted)

    @property
    def knows_deletions(self) -> bool:
        """Whether realtime told of any deletion that could still matter."""
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
