"""The rules of the released consumer, fustor-view-fs 0.8.17 behind fustor-fusion 0.8.17, faults included.

Facts about that release, found by reading and running it; profile agent-0.8 is judged by them. It differs from the
contract's view in almost everything: compare driver contract, section 8.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from fustor_conformance.view._difference import Comparison, Difference
from fustor_conformance.view._released import (
    HOT_SEC,
    SAME_MTIME_SEC,
    BlindSpots,
    Entry,
    Health,
    ReleasedTree,
    Suspects,
    Watermark,
)
from fustor_conformance.view._rows import split_path
from fustor_event_model import EventBase, EventType, MessageSource

__all__ = ["ReleasedView"]

LATE_START_SEC = 5.0
TOMBSTONE_TTL_SEC = 3600.0
_TOMBSTONE_MARGIN_SEC = 1e-5


class _RowError(Exception):
    """The release would raise here; the rest of the event is lost."""


class ReleasedView:
    """A file tree as the released view shows it.

    Compensating rows (snapshot, audit) count only if their `modified_time` is greater than what is known; a realtime
    delete leaves a tombstone that blocks realtime too, until a row is younger than the tombstone; an audit row of an
    unknown path is refused if its parent is known to be younger than `parent_mtime`. Does no I/O, starts no thread.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._health = Health(clock)
        self.reset()

    def reset(self) -> None:
        """Forget everything, as the release does when the last session of a view closes."""
        self._tree = ReleasedTree()
        self._watermark = Watermark(self._clock)
        self._tombstones: dict[str, tuple[float, float]] = {}
        self._suspects = Suspects(self._clock)
        self._blind = BlindSpots()
        self._refused: set[str] = set()
        self._audit_start: float | None = None
        self._seen: set[str] = set()

    def begin_session(self, session_id: str, start_index: int = -1) -> None:  # noqa: ARG002 - the shape of View
        """Begin a session: an audit under way is void, and blind spots are forgotten; the tree stays."""
        self._audit_start = None
        self._seen.clear()
        self._blind.clear()

    def apply(self, event: EventBase) -> bool:
        """Take in one event; return whether the release counts that as success.

        An event without rows, or with a row that makes the release raise, is an error; after 50 errors (successes do
        not make up for them) the view stops listening for a minute. Events of another schema than `fs` never arrive.
        """
        if event.event_schema != "fs":
            return True
        if not self.is_listening:
            return False
        try:
            is_good = self._apply_rows(event)
        except _RowError:
            is_good = False
        if not is_good:
            self._health.fail()
        return is_good

    @property
    def is_listening(self) -> bool:
        """Whether the view still takes events, or does so again after its minute of rest."""
        return self._health.is_good()

    def snapshot_end(self) -> None:
        """Take in the end of a snapshot, which removes nothing."""

    def audit_start(self) -> None:
        """Take in a start signal, which no released agent sends; one within 5 s keeps what was seen."""
        now = self._clock()
        is_late = self._audit_start is not None and now - self._audit_start < LATE_START_SEC
        if not is_late:
            self._seen.clear()
        self._audit_start = now

    def audit_end(self) -> None:
        """Take in the end of an audit: unseen children of directories that are not skipped go; without rows, nothing.

        Spared are children under a tombstone and those that realtime updated after the audit's first row.
        """
        if self._audit_start is None:
            return
        oldest = self._clock() - TOMBSTONE_TTL_SEC
        self._tombstones = {path: stone for path, stone in self._tombstones.items() if stone[1] >= oldest}
        for path in self._unseen(self._audit_start):
            self._cut(path)
            self._blind.deleted.add(path)
        self._audit_start = None
        self._seen.clear()

    def expire_suspects(self) -> None:
        """Clear the suspects whose time is up and whose mtime did not move; the others get another 30 s."""
        self._suspects.expire(self._mtime_of)

    def paths(self) -> frozenset[str]:
        """Every known path; `/` is always there."""
        return frozenset(path for path, _ in self._tree.entries())

    def rows(self) -> dict[str, Mapping[str, Any]]:
        """`path`, `is_directory`, `size`, `mtime` and `modified_time` of every known path."""
        return {path: _fields(path, entry) for path, entry in self._tree.entries()}

    @property
    def suspects(self) -> frozenset[str]:
        """Paths that may be half written, or that a compensating row reported while they were younger than 30 s."""
        return self._suspects.paths()

    @property
    def blind_spots(self) -> frozenset[str]:
        """Paths that an audit added, changed or deleted."""
        return self._blind.paths()

    @property
    def refused(self) -> frozenset[str]:
        """Paths whose last row this view's rules refused although it said something new: its known faults."""
        return frozenset(self._refused)

    def difference(
        self, world: Mapping[str, Mapping[str, Any]], *, untold: Collection[str] = (), containers: bool = True
    ) -> list[Difference]:
        """Where the view and the world disagree, as `View.difference` does, except where this view is at fault.

        Left out: mtime and size of directories and of suspects, `untold` and `refused` paths with all below them.
        """
        comparison = Comparison(self.rows(), self._suspects.__contains__, lambda _: False, containers)
        return list(comparison.differences(world, [*untold, *self._refused]))

    def _mtime_of(self, path: str) -> float | None:
        entry = self._tree.entry(path)
        return entry.mtime if entry is not None else None

    def _apply_rows(self, event: EventBase) -> bool:
        if not event.rows:
            return False
        source = event.message_source
        if source is MessageSource.AUDIT and self._audit_start is None:
            self._audit_start = self._clock()
        for row in event.rows:
            path = _path_of(row)
            if path:
                self._apply_row(path, row, source, is_delete=event.event_type is EventType.DELETE)
        return True

    def _apply_row(self, path: str, row: Mapping[str, Any], source: MessageSource, *, is_delete: bool) -> None:
        mtime = row.get("modified_time")
        if source is MessageSource.REALTIME and mtime is not None:
            self._watermark.sample(mtime)
        if source is MessageSource.AUDIT:
            self._seen.add(path)
            if not is_delete:
                self._blind.deleted.discard(path)
        if not is_delete:
            self._upsert(path, row, mtime, source)
        elif source is MessageSource.REALTIME:
            self._realtime_delete(path)
        else:
            self._compensating_delete(path, mtime)

    def _realtime_delete(self, path: str) -> None:
        self._cut(path)
        self._tombstones[path] = (self._watermark.now(), self._clock())
        self._suspects.discard(path)
        self._blind.told(path)

    def _compensating_delete(self, path: str, mtime: float | None) -> None:
        entry = self._tree.entry(path)
        if path in self._tombstones or (entry is not None and mtime is not None and entry.mtime > mtime):
            return
        self._cut(path)
        self._blind.deleted.add(path)
        self._suspects.discard(path)
        self._blind.added.discard(path)

    def _upsert(self, path: str, row: Mapping[str, Any], mtime: float | None, source: MessageSource) -> None:
        if self._is_buried(path, mtime):
            self._refused.add(path)
            return
        known = self._tree.entry(path)
        is_realtime = source is MessageSource.REALTIME
        if not is_realtime and self._is_stale(path, row, mtime, known, is_audit=source is MessageSource.AUDIT):
            return
        self._refused.discard(path)
        entry = Entry(
            is_directory=bool(row.get("is_directory", row.get("is_dir", False))),
            size=row.get("size", 0),
            mtime=0.0 if mtime is None else mtime,
            is_skipped=bool(row.get("audit_skipped", False)),
            updated_at=self._clock() if is_realtime else (known.updated_at if known is not None else 0.0),
            row=dict(row),
        )
        for gone in self._tree.put(path, entry):
            self._forget(gone)
        if is_realtime:
            self._note_realtime(path, entry)
        elif mtime is None:
            raise _RowError
        else:
            self._note_compensation(path, mtime, known, is_snapshot=source is MessageSource.SNAPSHOT)

    def _is_buried(self, path: str, mtime: float | None) -> bool:
        stone = self._tombstones.get(path)
        if stone is None:
            return False
        if mtime is None:
            raise _RowError
        if mtime <= stone[0] + _TOMBSTONE_MARGIN_SEC:
            return True
        del self._tombstones[path]
        return False

    def _is_stale(
        self, path: str, row: Mapping[str, Any], mtime: float | None, known: Entry | None, *, is_audit: bool
    ) -> bool:
        if known is not None:
            if row.get("audit_skipped"):
                return False
            if mtime is None:
                raise _RowError
            if known.mtime >= mtime and _tells_news(row, known, mtime):
                self._refused.add(path)
            return known.mtime >= mtime
        parent = self._parent(row) if is_audit else None
        if parent is None or not parent.is_directory or parent.mtime <= (row.get("parent_mtime") or 0):
            return False
        self._refused.add(path)
        return True

    def _parent(self, row: Mapping[str, Any]) -> Entry | None:
        path = row.get("parent_path")  # the release does not normalise this one
        return self._tree.entry(path) if isinstance(path, str) and path and path == _normal(path) else None

    def _note_realtime(self, path: str, entry: Entry) -> None:
        if entry.row.get("is_atomic_write", True):
            self._suspects.discard(path)
        else:
            self._suspects.add(path, entry.mtime)
        self._blind.told(path)

    def _note_compensation(self, path: str, mtime: float, known: Entry | None, *, is_snapshot: bool) -> None:
        age = self._watermark.now() - mtime
        is_changed = known is None or abs(known.mtime - mtime) > SAME_MTIME_SEC
        if is_snapshot:
            self._blind.added.discard(path)
        elif is_changed:
            self._blind.added.add(path)
        if age >= HOT_SEC:
            self._suspects.discard(path)
        elif is_changed:
            self._suspects.add_young(path, mtime, age)

    def _unseen(self, since: float) -> list[str]:
        unseen = []
        for path in self._seen:
            directory = self._tree.entry(path)
            if directory is None or not directory.is_directory or directory.is_skipped:
                continue
            for child, entry in self._tree.children(path):
                is_spared = child in self._seen or child in self._tombstones or entry.updated_at > since
                if not is_spared:
                    unseen.append(child)
        return unseen

    def _cut(self, path: str) -> None:
        for gone in self._tree.cut(split_path(path)):
            self._forget(gone)

    def _forget(self, path: str) -> None:
        self._suspects.discard(path)
        self._blind.added.discard(path)
        self._refused.discard(path)


def _normal(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _path_of(row: object) -> str:
    """The path in the release's spelling, empty for a row that it passes over."""
    if not isinstance(row, Mapping):
        raise _RowError
    path = row.get("path") or row.get("file_path")
    return _normal(path) if path else ""


def _tells_news(row: Mapping[str, Any], known: Entry, mtime: float) -> bool:
    is_directory = bool(row.get("is_directory", row.get("is_dir", False)))
    if is_directory is not known.is_directory:
        return True
    return not is_directory and (row.get("size", 0), mtime) != (known.size, known.mtime)


def _fields(path: str, entry: Entry) -> Mapping[str, Any]:
    return {
        **entry.row,
        "path": path,
        "is_directory": entry.is_directory,
        "size": entry.size,
        "mtime": entry.mtime,
        "modified_time": entry.mtime,
    }
