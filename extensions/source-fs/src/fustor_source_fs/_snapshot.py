"""Everything there is, once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, MessageSource
from fustor_source_fs._counters import Counters
from fustor_source_fs._entry import insist, open_root
from fustor_source_fs._leaves import Leaves
from fustor_source_fs._listing import Lister
from fustor_source_fs._rows import UPSERT, UPSERT_SKIPPED, EventWriter, Row, row
from fustor_source_fs._scope import Scope
from fustor_source_fs._stop import Stop
from fustor_source_fs._visitors import Visit, visiting
from fustor_source_fs._walk import Directory, Step, Walk

__all__ = ["snapshot"]


def snapshot(scope: Scope, batch_size: int, counters: Counters, stop: Stop) -> Iterator[EventBase]:
    """The tree as events, a directory's row before those of what it holds.

    A directory that could not be listed gives its row again, with `audit_skipped`; so does a root that is empty.

    Raises:
        DriverError: the root cannot be read or was replaced meanwhile, or the snapshot was stopped before its end.
    """
    with visiting(scope.root.path) as visit:
        yield from _snapshot(scope, batch_size, counters, stop, visit)


def _snapshot(scope: Scope, batch_size: int, counters: Counters, stop: Stop, visit: Visit) -> Iterator[EventBase]:
    start = open_root(scope)
    writer = EventWriter(MessageSource.SNAPSHOT, batch_size)
    writer.put(UPSERT, [row("/", start.status)])
    lister = Lister(scope, batch_size)
    watch = visit.watch if visit.streams else None
    leaves = Leaves(scope, start, batch_size, watch=watch)
    for step, directory in Walk(scope, start):
        if step is Step.ENTER:
            if watch:
                watch(directory.opened())
            found = False
            for rows in chain(lister.rows(directory), (leaf.rows for leaf in leaves.of(directory))):
                found = found or bool(rows)
                writer.put(UPSERT, rows)
                if writer.ready:
                    _refuse_if(stop, scope)
                    yield from (finished.event for finished in writer.take())
            _refuse_if(stop, scope)
            if directory is start and not (found or directory.failed or scope.allow_empty_root):
                counters.report_empty(str(scope.root))
                writer.put(UPSERT_SKIPPED, [_unlisted(directory)])
        elif step is Step.REPLACED:
            writer.put(UPSERT, [row(directory.path, directory.status)])
        elif step is not Step.GONE and (directory.failed or step is Step.CLOSED):
            counters.report_unlisted(directory.path, directory.failed)
            writer.put(UPSERT_SKIPPED, [_unlisted(directory)])
    writer.cut()
    yield from (finished.event for finished in writer.take())
    insist(scope, start)


def _unlisted(directory: Directory) -> Row:
    return row(directory.path, directory.status) | {"audit_skipped": True}


def _refuse_if(stop: Stop, scope: Scope) -> None:
    if stop.is_set():
        raise DriverError(f"The snapshot of {scope.root.path or '/'!r} was stopped before its end; take a new one")
