"""What the directories hold now, so that a consumer finds what no event reported."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, LifecycleSignal, MessageSource, audit_signal
from fustor_source_fs._entry import insist, open_root, refuse_all_left_out
from fustor_source_fs._listing import Leaf, Leaves, Lister
from fustor_source_fs._memory import AuditMemory, Notes, Record, Unchanged, stamps_of
from fustor_source_fs._opening import opening
from fustor_source_fs._rows import AUDIT, AUDIT_SKIPPED, EventWriter, Finished, Row, row, row_in, skipped
from fustor_source_fs._running import Counters, Stop
from fustor_source_fs._scope import Scope
from fustor_source_fs._visitors import Visit, visiting
from fustor_source_fs._walk import Directory, Step, Walk

__all__ = ["Audit"]


class Audit:
    """One audit. `cache` is the host's, read and never written; without one every directory is listed."""

    def __init__(
        self,
        scope: Scope,
        memory: AuditMemory,
        counters: Counters,
        batch_size: int,
        cache: Mapping[str, float] | None,
    ) -> None:
        self._scope = scope
        self._memory = memory
        self._counters = counters
        self._limit = batch_size
        self._cache = cache
        self._unchanged: Unchanged | None = None
        self._is_complete = False
        self._is_empty = False
        self._passes_over = False
        self._writer = EventWriter(MessageSource.AUDIT, batch_size)
        self._lister = Lister(scope, batch_size, audit=True)
        self._skipped = partial(skipped, for_released_view=cache is not None)

    def between_signals(self, stop: Stop) -> Iterator[EventBase]:
        """The events of a full audit between its two signals; without the second where it was stopped.

        Nothing is read before the first signal was taken. Raises as `items` does.
        """
        yield audit_signal(LifecycleSignal.AUDIT_START)
        for finished in self._remembered(stop):
            yield finished.event
        if self._is_complete:
            yield audit_signal(LifecycleSignal.AUDIT_END)

    def items(self, stop: Stop) -> Iterator[tuple[EventBase | None, dict[str, float]]]:
        """An opening, then events, each with the mtimes of the directories in it that may be skipped next time.

        Returns early, without a row for what it did not come to, when it is stopped.

        Raises:
            DriverError: the root cannot be read, or was replaced meanwhile, or the patterns leave out every file.
        """
        yield from opening(self._scope, stop)
        for finished in self._remembered(stop):
            listed = {} if "audit_skipped" in finished.event.fields else finished.notes
            yield finished.event, {path: record.mtime for path, record in listed.items()}

    def _remembered(self, stop: Stop) -> Iterator[Finished]:
        """The audit's events. A directory is remembered for the next one once the host has asked for what follows."""
        past, began, before = self._memory.begin()
        if self._cache is not None:
            self._unchanged = Unchanged(self._scope.root, self._memory, past, self._limit, self._cache)
        seen: dict[str, Record] = {}
        try:
            with visiting(self._scope.root.path) as visit:
                for finished in self._work(stop, visit):
                    yield finished
                    seen.update(finished.notes)
        finally:
            self._memory.end(seen, began, before)

    def _work(self, stop: Stop, visit: Visit | None) -> Iterator[Finished]:
        start: Directory[Notes] = open_root(self._scope)
        watch = visit.watch if visit else None
        if visit:
            self._lister.note = visit.note
        leaves = Leaves(self._scope, start, self._lister, watch)
        known = self._unchanged.remembered if self._unchanged else None
        for step, directory in Walk(self._scope, start, leave=True, known=known):
            if stop.is_set():
                return
            if step is Step.ENTER:
                if watch and directory.fd is not None:
                    watch(directory.fd)
                yield from self._enter(directory, leaves)
            else:
                yield from self._settle(step, directory)
        yield from self._writer.cut()
        if self._lister.leaves_out_all and not (self._is_empty or self._passes_over):
            refuse_all_left_out(self._scope, DriverError)
        self._is_complete = True

    def _enter(self, directory: Directory[Notes], leaves: Leaves) -> Iterator[Finished]:
        """The rows of a directory's entries, and of those below it that need no visit."""
        writer, unchanged, found = self._writer, self._unchanged, False
        if unchanged is None or not unchanged.need_not_list(directory):
            for rows in self._lister.rows(directory):
                found = found or bool(rows)
                yield from writer.put(AUDIT, rows)
            directory.after = os.fstat(directory.opened())
        else:
            self._passes_over = True
        if directory.parent is None:
            self._is_empty = not (found or directory.subdirectories or directory.packed or directory.failed)
        if unchanged is None:
            for leaf in leaves.of(directory):
                changed = _with_own_row(directory, leaf)
                yield from writer.put(AUDIT, leaf.rows)
                if changed:
                    yield from writer.put(AUDIT_SKIPPED, self._skipped(changed))
            return
        if directory.after:
            directory.data.subdirectories = directory.joined()
        for rows, kept in unchanged.leaves(directory):
            self._passes_over = self._passes_over or bool(kept)
            yield from writer.put(AUDIT_SKIPPED, rows, kept)

    def _settle(self, step: Step, directory: Directory[Notes]) -> Iterator[Finished]:
        """The container's row, after everything below it."""
        if step is Step.LEAVE:
            if directory.parent is None:
                insist(self._scope, directory)
            yield from self._settle_visited(directory)
        elif step is Step.GONE:
            _doubt_parent(directory)
        elif step is Step.REPLACED:
            yield from self._writer.put(AUDIT, [_own_row(directory)])
        else:
            self._counters.report_unlisted(directory.path, directory.failed)
            yield from self._skip(directory)

    def _settle_visited(self, directory: Directory[Notes]) -> Iterator[Finished]:
        before, after, unchanged = directory.status, directory.after, self._unchanged
        if directory.failed:
            self._counters.report_unlisted(directory.path, directory.failed)
            yield from self._skip(directory)
        elif after is None:
            record = directory.data.unchanged
            if record is not None:
                record.since = directory.data.since
            yield from self._skip(directory, record)
        elif self._is_empty and directory.parent is None and not self._scope.allow_empty_root:
            self._counters.report_empty(str(self._scope.root))
            yield from self._skip(directory)
        elif after.st_nlink == 0:
            return  # removed while it was read
        elif after.st_mtime_ns != before.st_mtime_ns or after.st_ctime_ns != before.st_ctime_ns:
            yield from self._skip(directory)
        elif unchanged and (record := unchanged.record(directory)):
            yield from self._writer.put(AUDIT, [_own_row(directory)], {directory.path: record})
        else:
            yield from self._writer.put(AUDIT, [_own_row(directory)])

    def _skip(self, directory: Directory[Notes], record: Record | None = None) -> Iterator[Finished]:
        notes = {directory.path: record} if record else None
        yield from self._writer.put(AUDIT_SKIPPED, self._skipped([_own_row(directory)]), notes)


def _with_own_row(above: Directory[Notes], leaf: Leaf) -> list[Row]:
    """Add a leaf's own row to those of its entries; what it returns goes out after them if it changed meanwhile.

    A leaf that was removed while it was read has no row.
    """
    before, after = leaf.status, leaf.after
    own = row_in(above.path, above.prefix, leaf.name, before, above.status.st_mtime)
    if after.st_mtime_ns == before.st_mtime_ns and after.st_ctime_ns == before.st_ctime_ns:
        leaf.rows.append(own)
        return []
    return [own] if after.st_nlink else []


def _own_row(directory: Directory[Notes]) -> Row:
    above = directory.parent or directory
    return row(directory.path, directory.status, above.status.st_mtime)


def _doubt_parent(directory: Directory[Notes]) -> None:
    """An entry that was listed and is not there: if its parent did not change either, the parent cannot be trusted."""
    parent = directory.parent
    if parent is None or parent.failed:
        return
    if parent.fd is None or stamps_of(os.fstat(parent.fd)) == stamps_of(parent.status):
        parent.failed = directory.failed
