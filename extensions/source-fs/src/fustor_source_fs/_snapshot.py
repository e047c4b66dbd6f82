"""Everything there is, once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, MessageSource
from fustor_source_fs._counters import Counters
from fustor_source_fs._leaves import Leaves
from fustor_source_fs._listing import Lister
from fustor_source_fs._root import Scope
from fustor_source_fs._rows import UPSERT, UPSERT_SKIPPED, EventWriter, row
from fustor_source_fs._visitors import Visit, visiting
from fustor_source_fs._walk import Directory, Step, Walk

__all__ = ["open_root", "snapshot"]


def snapshot(scope: Scope, batch_size: int, counters: Counters, stopped: Callable[[], bool]) -> Iterator[EventBase]:
    """The tree as events, a directory's row before those of what it holds.

    A directory that could not be listed gives its row again, with `audit_skipped`.

    Raises:
        DriverError: the root cannot be read, or the snapshot was stopped before its end.
    """
    with visiting(scope.root.path) as visit:
        yield from _snapshot(scope, batch_size, counters, stopped, visit)


def _snapshot(
    scope: Scope, batch_size: int, counters: Counters, stopped: Callable[[], bool], visit: Visit
) -> Iterator[EventBase]:
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
            for rows in chain(lister.rows(directory), (leaf.rows for leaf in leaves.of(directory))):
                writer.put(UPSERT, rows)
                if writer.ready:
                    _refuse_if(stopped, scope)
                    yield from (finished.event for finished in writer.take())
            _refuse_if(stopped, scope)
        elif step is Step.REPLACED:
            writer.put(UPSERT, [row(directory.path, directory.status)])
        elif step is not Step.GONE and (directory.failed or step is Step.CLOSED):
            counters.report_unlisted(directory.path, directory.failed)
            writer.put(UPSERT_SKIPPED, [row(directory.path, directory.status) | {"audit_skipped": True}])
    writer.cut()
    yield from (finished.event for finished in writer.take())


def open_root(scope: Scope) -> Directory:
    """The root, open.

    Raises:
        DriverError: it is not there, cannot be read, or its disk is not mounted any more.
    """
    root = scope.root
    try:
        fd = root.open()
    except OSError as error:
        raise DriverError(
            f"The root {root.path or '/'!r} cannot be read ({error.strerror}); check it and its mount"
        ) from error
    root.remember_mount()
    if not root.is_mounted():
        os.close(fd)
        raise DriverError(f"What was mounted under {root.path or '/'!r} is gone; mount it again")
    return Directory(None, "", "/", fd, os.fstat(fd))


def _refuse_if(stopped: Callable[[], bool], scope: Scope) -> None:
    if stopped():
        raise DriverError(f"The snapshot of {scope.root.path or '/'!r} was stopped before its end; take a new one")
