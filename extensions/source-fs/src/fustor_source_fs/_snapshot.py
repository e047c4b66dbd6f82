"""Everything there is, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from fustor_core.exceptions import ConfigError, DriverError
from fustor_event_model import EventBase, MessageSource
from fustor_source_fs._entry import insist, open_root, refuse_all_left_out
from fustor_source_fs._listing import Leaves, Lister
from fustor_source_fs._rows import UPSERT, UPSERT_SKIPPED, EventWriter, Finished, row, skipped
from fustor_source_fs._running import Counters, Stop
from fustor_source_fs._scope import Scope
from fustor_source_fs._visitors import visiting
from fustor_source_fs._walk import Step, Walk

__all__ = ["snapshot"]


def snapshot(scope: Scope, batch_size: int, counters: Counters, stop: Stop) -> Iterator[EventBase]:
    """The tree as events, a directory's row before those of what it holds.

    A directory that could not be listed gives its row again, with `audit_skipped`; so does a root that is empty.

    Raises:
        ConfigError: the patterns leave out every file.
        DriverError: the root cannot be read or was replaced meanwhile, or the snapshot was stopped before its end.
    """
    with visiting(scope.root.path) as watch:
        for finished in _snapshot(scope, batch_size, counters, stop, watch):
            yield finished.event


def _snapshot(
    scope: Scope, batch_size: int, counters: Counters, stop: Stop, watch: Callable[[int], None] | None
) -> Iterator[Finished]:
    start = open_root(scope)
    writer = EventWriter(MessageSource.SNAPSHOT, batch_size)
    yield from writer.put(UPSERT, [row("/", start.status)])
    lister, is_vacant = Lister(scope, batch_size), False
    leaves = Leaves(scope, start, lister, watch)
    for step, directory in Walk(scope, start):
        if step is Step.ENTER:
            if watch:
                watch(directory.opened())
            found = False
            for rows in chain(lister.rows(directory), (leaf.rows for leaf in leaves.of(directory))):
                found = found or bool(rows)
                for finished in writer.put(UPSERT, rows):
                    _refuse_if(stop, scope)
                    yield finished
            _refuse_if(stop, scope)
            if directory is start and not (found or directory.failed or scope.allow_empty_root):
                is_vacant = True
                counters.report_empty(str(scope.root))
                yield from writer.put(UPSERT_SKIPPED, skipped([row(directory.path, directory.status)]))
        elif step is Step.REPLACED:
            yield from writer.put(UPSERT, [row(directory.path, directory.status)])
        elif step is not Step.GONE and (directory.failed or step is Step.CLOSED):
            counters.report_unlisted(directory.path, directory.failed)
            yield from writer.put(UPSERT_SKIPPED, skipped([row(directory.path, directory.status)]))
    yield from writer.cut()
    if lister.leaves_out_all and not is_vacant:
        refuse_all_left_out(scope, ConfigError)
    insist(scope, start)


def _refuse_if(stop: Stop, scope: Scope) -> None:
    if stop.is_set():
        raise DriverError(f"The snapshot of {scope.root.path or '/'!r} was stopped before its end; take a new one")
