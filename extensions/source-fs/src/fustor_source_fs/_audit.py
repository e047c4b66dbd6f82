"""What the directories hold now, so that a consumer finds what no event told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from stat import S_ISDIR

from fustor_event_model import EventBase, LifecycleSignal, MessageSource, audit_signal
from fustor_source_fs._counters import Counters
from fustor_source_fs._entry import insist, open_root
from fustor_source_fs._leaves import Leaf, Leaves
from fustor_source_fs._listing import Lister
from fustor_source_fs._memory import AuditMemory, Past, Record
from fustor_source_fs._root import OPEN_CHILD
from fustor_source_fs._rows import AUDIT, AUDIT_SKIPPED, EventWriter, Row
from fustor_source_fs._scope import Scope
from fustor_source_fs._stop import Stop
from fustor_source_fs._visitors import Visit, visiting
from fustor_source_fs._walk import Directory, Step, Walk

__all__ = ["Audit", "AuditSettings", "guide_audit", "paired_audit"]


_WORTH_OPENING = 4


@dataclass(frozen=True)
class AuditSettings:
    """How audits are made; `clock` gives seconds since the epoch."""

    batch_size: int
    clock_granularity_sec: float
    full_audit_every: int
    clock: Callable[[], float]


@dataclass(slots=True)
class _Notes:
    """What an audit knows of a directory beside its rows."""

    read_at: float
    since: int
    deleted_at: int
    tree_touched: bool
    unchanged: Record | None = None
    subdirectories: str = ""


_NO_NOTES = _Notes(0, 0, 0, tree_touched=False)


class Audit:
    """One audit. `cache` is the host's, read and never written; without one every directory is listed."""

    def __init__(
        self,
        scope: Scope,
        memory: AuditMemory,
        counters: Counters,
        settings: AuditSettings,
        cache: Mapping[str, float] | None,
    ) -> None:
        self._scope = scope
        self._memory = memory
        self._counters = counters
        self._settings = settings
        self._cache: Mapping[str, float] = cache or {}
        self._keep = cache is not None
        self._past, self._began, self._before = memory.begin()
        if settings.full_audit_every and memory.audits % settings.full_audit_every == 0:
            self._past = Past()
        self.complete = False
        self._is_empty = False
        self._seen: dict[str, Record] = {}
        self._writer = EventWriter(MessageSource.AUDIT, settings.batch_size)
        self._lister = Lister(scope, settings.batch_size, audit=True)

    def items(self, stop: Stop) -> Iterator[tuple[EventBase, dict[str, float]]]:
        """Events, each with the mtimes of the directories in it that may be skipped next time.

        Returns early, without a row for what it did not come to, when it is stopped.

        Raises:
            DriverError: the root cannot be read, or was replaced meanwhile.
        """
        with visiting(self._scope.root.path) as visit:
            yield from self._items(stop, visit)

    def _items(self, stop: Stop, visit: Visit) -> Iterator[tuple[EventBase, dict[str, float]]]:
        writer = self._writer
        start = open_root(self._scope)
        self._is_unchanged(start)
        watch = visit.watch if visit.streams else None
        leaves = Leaves(self._scope, start, self._settings.batch_size, watch=watch, audit=True)
        try:
            for step, directory in self._walk(start):
                if stop.is_set():
                    return
                if step is Step.ENTER:
                    if watch and directory.fd is not None:
                        watch(directory.fd)
                    for _ in self._visit(directory, leaves):
                        yield from self._hand_over()
                else:
                    self._settle(step, directory)
                    if writer.ready:
                        yield from self._hand_over()
            writer.cut()
            yield from self._hand_over()
            self.complete = True
        finally:
            self._memory.end(self._seen if self._keep else {}, self._began, self._before)

    def _visit(self, directory: Directory, leaves: Leaves) -> Iterator[None]:
        """Write the rows of a directory's entries; pauses whenever there are finished events."""
        writer, found = self._writer, False
        for rows in self._enter(directory):
            found = found or bool(rows)
            writer.put(AUDIT, rows)
            if writer.ready:
                yield
        if directory.parent is None:
            self._is_empty = not (found or directory.subdirectories or directory.packed or directory.failed)
        if not self._keep:
            for leaf in leaves.of(directory):
                self._settle_leaf(directory, leaf)
                if writer.ready:
                    yield
        elif self._past.records:
            yield from self._skip_quiet_leaves(directory)

    def _walk(self, start: Directory) -> Walk:
        return Walk(self._scope, start, leave=True, known=self._remembered if self._past.records else None)

    def _hand_over(self) -> Iterator[tuple[EventBase, dict[str, float]]]:
        """Give the host finished events; only what it took and came back for is remembered."""
        for finished in self._writer.take():
            yield finished.event, finished.mtimes
            self._seen.update(finished.notes)

    def _enter(self, directory: Directory) -> Iterator[list[Row]]:
        if directory.notes is None:
            directory.notes = self._notes(directory)
        if directory.notes.unchanged or directory.fd is None:
            return
        yield from self._lister.rows(directory)
        directory.after = os.fstat(directory.fd)
        if self._keep:
            directory.notes.subdirectories = directory.joined()

    def _notes(self, directory: Directory) -> _Notes:
        if not self._keep:
            return _NO_NOTES
        deleted_at = self._memory.deleted_at(directory.path)
        tree_touched = directory.path in self._past.touched_trees
        if directory.parent is not None:
            deleted_at = max(deleted_at, directory.parent.notes.deleted_at)
            tree_touched = tree_touched or directory.parent.notes.tree_touched
        return _Notes(self._settings.clock(), self._memory.now(), deleted_at, tree_touched)

    def _remembered(self, parent: Directory, raw: str, path: str) -> Directory | None:
        """The directory as the last audit saw it, if nothing says that its entries may be others now."""
        if path not in self._past.records:
            return None
        try:
            status = os.lstat(self._scope.root.path + raw)
        except OSError:  # gone, or a path too long for one call: opening it will tell
            return None
        directory = Directory(parent, raw, path, None, status)
        return directory if self._is_unchanged(directory) else None

    def _skip_quiet_leaves(self, directory: Directory) -> Iterator[None]:
        """Settle subdirectories that hold no directory and did not change; the others remain to be visited.

        The same as visiting each, at a third of the cost: most directories of most trees are such leaves.
        """
        records, cache, touched = self._past.records, self._cache, self._past.touched
        notes: _Notes = directory.notes
        now, lstat = self._memory.now(), os.lstat
        parent, prefix, parent_mtime = directory.path, directory.prefix, directory.status.st_mtime
        trees, deleted_at = self._past.touched_trees, self._memory.deleted_at if self._memory.knows_deletions else None
        is_touched, fd = bool(touched or trees), self._opened(directory)
        if notes.tree_touched or fd is None:
            return
        rest: list[str] = []
        rows: list[Row] = []
        kept: dict[str, Record] = {}
        for name in directory.subdirectories:
            path = prefix + name
            record = records.get(path)
            if (
                record is None
                or record.subdirectories
                or (is_touched and (path in touched or path in trees))
                or cache.get(path) != record.mtime
                or (deleted_at is not None and max(notes.deleted_at, deleted_at(path)) > record.since)
                or not name.isascii()
            ):
                rest.append(name)
                continue
            try:
                status = lstat(name, dir_fd=fd)
            except OSError:
                rest.append(name)
                continue
            if (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns) != record.stamps:
                rest.append(name)
                continue
            record.since = now
            kept[path] = record
            mtime = record.mtime
            rows.append(
                {
                    "path": path,
                    "file_name": name,
                    "parent_path": parent,
                    "mtime": mtime,
                    "modified_time": mtime,
                    "size": status.st_size,
                    "is_directory": True,
                    "parent_mtime": parent_mtime,
                    "audit_skipped": True,
                }
            )
            if len(rows) >= self._settings.batch_size:
                self._writer.put(AUDIT_SKIPPED, rows, kept)
                rows, kept = [], {}
                yield
        directory.subdirectories = rest
        self._writer.put(AUDIT_SKIPPED, rows, kept)

    def _opened(self, directory: Directory) -> int | None:
        """A descriptor of a directory with enough subdirectories to be worth it; the walk closes it."""
        if directory.fd is None and len(directory.subdirectories) >= _WORTH_OPENING:
            try:
                fd = os.open(self._scope.root.path + directory.raw, OPEN_CHILD)
            except OSError:  # gone, or a path too long for one call: visiting will tell
                return None
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) == directory.identity():
                directory.fd = fd
            else:
                os.close(fd)
        return directory.fd

    def _is_unchanged(self, directory: Directory) -> bool:
        path = directory.path
        record = self._past.records.get(path)
        if record is None or self._cache.get(path) != record.mtime or path in self._past.touched:
            return False
        if _stamps(directory.status) != record.stamps:
            return False
        notes = self._notes(directory)
        if notes.tree_touched or notes.deleted_at > record.since:
            return False
        notes.unchanged = record
        directory.notes = notes
        directory.subdirectories = record.subdirectories.split("\0") if record.subdirectories else []
        return True

    def _settle(self, step: Step, directory: Directory) -> None:
        """The container's row, after everything below it."""
        if step is Step.LEAVE:
            if directory.parent is None:
                insist(self._scope, directory)
            self._settle_visited(directory)
        elif step is Step.GONE:
            _doubt_parent(directory)
        elif step is Step.REPLACED:
            self._writer.put(AUDIT, [_audit_row(directory)])
        else:
            self._counters.report_unlisted(directory.path, directory.failed)
            self._skip(directory)

    def _settle_visited(self, directory: Directory) -> None:
        before, after, notes = directory.status, directory.after, directory.notes
        if directory.failed:
            self._counters.report_unlisted(directory.path, directory.failed)
            self._skip(directory)
        elif after is None:
            notes.unchanged.since = notes.since
            self._skip(directory, notes.unchanged)
        elif self._is_empty and directory.parent is None and not self._scope.allow_empty_root:
            self._counters.report_empty(str(self._scope.root))
            self._skip(directory)
        elif after.st_nlink == 0:
            return  # removed while it was read
        elif after.st_mtime_ns != before.st_mtime_ns or after.st_ctime_ns != before.st_ctime_ns:
            self._skip(directory)
        elif self._keep and (record := self._record(directory)):
            self._writer.put_container(AUDIT, _audit_row(directory), record, listed=True)
        else:
            self._writer.put(AUDIT, [_audit_row(directory)])

    def _settle_leaf(self, above: Directory, leaf: Leaf) -> None:
        """The rows of a leaf and its own; that is left out if it was removed while it was read."""
        before, after, rows = leaf.status, leaf.after, leaf.rows
        mtime = before.st_mtime
        own: Row = {
            "path": leaf.path,
            "file_name": leaf.name,
            "parent_path": above.path,
            "mtime": mtime,
            "modified_time": mtime,
            "size": before.st_size,
            "is_directory": True,
            "parent_mtime": above.status.st_mtime,
        }
        is_same = after.st_mtime_ns == before.st_mtime_ns and after.st_ctime_ns == before.st_ctime_ns
        if is_same:
            rows.append(own)
        self._writer.put(AUDIT, rows)
        if not is_same and after.st_nlink:
            self._writer.put(AUDIT_SKIPPED, [own | {"audit_skipped": True}])

    def _skip(self, directory: Directory, record: Record | None = None) -> None:
        self._writer.put_container(AUDIT_SKIPPED, _audit_row(directory) | {"audit_skipped": True}, record)

    def _record(self, directory: Directory) -> Record | None:
        """What to remember of a listed directory; nothing, if a change in the same tick of its clock could hide."""
        status, notes = directory.status, directory.notes
        if max(status.st_mtime, status.st_ctime) >= notes.read_at - self._settings.clock_granularity_sec:
            return None
        return Record(_stamps(status), status.st_mtime, notes.subdirectories, notes.since)


def guide_audit(make: Callable[[], Audit], stop: Stop) -> Iterator[EventBase]:
    """A full audit between its two signals; without the second where it was stopped.

    `make` gives an audit without a cache; nothing is read before the first signal was taken.
    """
    audit = make()
    yield audit_signal(LifecycleSignal.AUDIT_START)
    for event, _ in audit.items(stop):
        yield event
    if audit.complete:
        yield audit_signal(LifecycleSignal.AUDIT_END)


def paired_audit(make: Callable[[], Audit], stop: Stop) -> Iterator[tuple[EventBase | None, dict[str, float]]]:
    """An audit that skips what the host's cache and the last audit agree on, in pairs of event and mtimes."""
    yield from make().items(stop)


def _audit_row(directory: Directory) -> Row:
    status, above = directory.status, directory.parent
    mtime = status.st_mtime
    return {
        "path": directory.path,
        "file_name": directory.path[len(above.prefix) :] if above else "",
        "parent_path": above.path if above else "",
        "mtime": mtime,
        "modified_time": mtime,
        "size": status.st_size,
        "is_directory": S_ISDIR(status.st_mode),
        "parent_mtime": above.status.st_mtime if above else mtime,
    }


def _doubt_parent(directory: Directory) -> None:
    """An entry that was listed and is not there: if its parent did not change either, the parent cannot be trusted."""
    parent = directory.parent
    if parent is None or parent.failed:
        return
    if parent.fd is None or _stamps(os.fstat(parent.fd)) == _stamps(parent.status):
        parent.failed = directory.failed


def _stamps(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
