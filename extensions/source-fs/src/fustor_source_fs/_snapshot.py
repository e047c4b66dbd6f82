"""Everything there is, once, or everything below one directory, or in one range of the paths."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from stat import S_ISDIR

from fustor_core.exceptions import ConfigError, DriverError
from fustor_event_model import EventBase, MessageSource
from fustor_source_fs._entry import insist, is_vacant, open_root, refuse_all_left_out
from fustor_source_fs._listing import Leaves, Lister, entries
from fustor_source_fs._ranges import Names, Range
from fustor_source_fs._rows import UPSERT, UPSERT_SKIPPED, EventWriter, Finished, Row, row, row_in, skipped
from fustor_source_fs._running import Counters, Stop
from fustor_source_fs._scope import Scope
from fustor_source_fs._visitors import Visit, visiting
from fustor_source_fs._walk import Directory, Step, Walk

__all__ = ["Pass", "part_of", "snapshot"]


def snapshot(scope: Scope, batch_size: int, counters: Counters, stop: Stop) -> Iterator[EventBase]:
    """The tree as events, a directory's row before those of what it holds.

    A directory that could not be listed gives its row again, with `audit_skipped`; so does a root that is empty.

    Raises:
        ConfigError: the patterns leave out every file.
        DriverError: the root cannot be read or was replaced meanwhile, or the snapshot was stopped before its end.
    """
    with visiting(scope.root.path) as visit:
        start = open_root(scope)
        one = Pass(scope, batch_size, counters, stop, visit)
        for finished in one.through(start):
            yield finished.event
        if one.leaves_out_all:
            refuse_all_left_out(scope, ConfigError)
        insist(scope, start)


def part_of(scope: Scope, part: Range, batch_size: int, counters: Counters, stop: Stop) -> Iterator[EventBase]:
    """What lies in a range, as `snapshot` has it.

    Raises:
        DriverError: as `snapshot` does; or the root, or a directory that a cut goes through, is another one than the
            ranges were made of.
    """
    with visiting(scope.root.path) as visit:
        start = open_root(scope)
        try:
            _require_same(scope, part, start)
        except BaseException:
            start.close()
            raise
        for finished in Pass(scope, batch_size, counters, stop, visit, part=part).through(start):
            yield finished.event
        insist(scope, start)


def _require_same(scope: Scope, part: Range, start: Directory[None]) -> None:
    if start.status.st_ino != part.root or (not scope.allow_empty_root and is_vacant(scope, start.opened())):
        raise DriverError(
            f"The root {str(scope.root)!r} is empty here, or not the directory that the partitions were made of; "
            "check its mount on this machine and take a new snapshot"
        )


class Pass:
    """One pass through a directory and what is below it, or what of it lies in the range `part`."""

    def __init__(
        self,
        scope: Scope,
        batch_size: int,
        counters: Counters,
        stop: Stop,
        visit: Visit | None,
        *,
        part: Range | None = None,
    ) -> None:
        self._scope = scope
        self._counters = counters
        self._stop = stop
        self._watch = visit.watch if visit else None
        self._part = part
        self._limit = batch_size
        self._writer = EventWriter(MessageSource.SNAPSHOT, batch_size)
        self._lister = Lister(scope, batch_size)
        if visit:
            self._lister.note = visit.note
        self._is_vacant = False

    @property
    def leaves_out_all(self) -> bool:
        """Whether files were found, and none of them is part of the source."""
        return self._lister.leaves_out_all and not self._is_vacant

    def through(
        self, start: Directory[None], *, above: frozenset[tuple[int, int]] = frozenset(), deep: bool = True
    ) -> Iterator[Finished]:
        """The rows of `start`, which lies in the directories `above`, and of everything below it, or right in it."""
        yield from self._put(start)
        leaves = Leaves(self._scope, start, self._lister, self._watch) if deep else None
        for step, directory in Walk(self._scope, start, above=above):
            if step is Step.ENTER:
                yield from self._enter(directory, leaves)
                if not deep:
                    directory.subdirectories, directory.packed = [], None
            elif step is Step.REPLACED:
                yield from self._put(directory)
            elif step is not Step.GONE and (directory.failed or step is Step.CLOSED):
                self._counters.report_unlisted(directory.path, directory.failed)
                yield from self._skip(directory)
        yield from self._writer.cut()

    def _enter(self, directory: Directory[None], leaves: Leaves | None) -> Iterator[Finished]:
        if self._watch:
            self._watch(directory.opened())
        found = False
        across: list[str] = []
        names = self._part.names(directory.prefix) if self._part else None
        lists = self._divided(directory, names, across) if names else self._lister.rows(directory)
        for rows in chain(lists, (leaf.rows for leaf in leaves.of(directory)) if leaves else ()):
            found = found or bool(rows)
            for finished in self._writer.put(UPSERT, rows):
                self._refuse_if_stopped()
                yield finished
        directory.subdirectories += across
        self._refuse_if_stopped()
        if not (directory.raw or found or directory.failed or self._scope.allow_empty_root or self._part):
            self._is_vacant = True
            self._counters.report_empty(str(self._scope.root))
            yield from self._skip(directory)

    def _divided(self, directory: Directory[None], asked: Names, across: list[str]) -> Iterator[list[Row]]:
        """As `Lister.rows`, of some entries alone; directories that a cut goes through are put `across`."""
        path, prefix = directory.path, directory.prefix
        rows: list[Row] = []
        for name, text, status in entries(self._scope, directory, asked.reach):
            if S_ISDIR(status.st_mode):
                across.append(name) if asked.divide(text) else directory.add(name)
            if asked.hold(text):
                rows.append(row_in(path, prefix, text, status))
            if len(rows) >= self._limit:
                self._lister.note(directory.identity(), rows)
                yield rows
                rows = []
        self._lister.note(directory.identity(), rows)
        yield rows

    def _put(self, directory: Directory[None]) -> Iterator[Finished]:
        """The row of a directory, if it is asked for."""
        if self._part is None or self._part.holds(directory.path):
            yield from self._writer.put(UPSERT, [row(directory.path, directory.status)])

    def _skip(self, directory: Directory[None]) -> Iterator[Finished]:
        """The row with the mark. Another reader may give the row without it, and later: this one then gives up."""
        if self._part is not None and not self._part.holds(directory.path):
            raise DriverError(
                f"{directory.path!r}, which several partitions divide, cannot be entered; take a new snapshot"
            )
        yield from self._writer.put(UPSERT_SKIPPED, skipped([row(directory.path, directory.status)]))

    def _refuse_if_stopped(self) -> None:
        if self._stop.is_set():
            raise DriverError(
                f"The reading of {self._scope.root.path or '/'!r} was stopped before its end; take a new snapshot"
            )
