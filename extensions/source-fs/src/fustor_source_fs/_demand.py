"""What a host asks for beside the phases: a part of the tree at once, and how single paths are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fustor_event_model import EventBase, MessageSource
from fustor_source_fs._places import Place, Places, entered
from fustor_source_fs._root import VANISHED
from fustor_source_fs._rows import UPSERT, UPSERT_SKIPPED, EventWriter, row, skipped
from fustor_source_fs._running import Counters, Stop
from fustor_source_fs._scope import Scope
from fustor_source_fs._snapshot import Pass
from fustor_source_fs._visitors import visiting

__all__ = ["scan", "verify"]

_VERIFIED = "suspect_check"
_ANSWER = "suspect_update"
"""The one kind of task that agent 0.8.17 brings, and what its receiver calls the answer."""


def scan(
    scope: Scope, path: str, batch_size: int, counters: Counters, stop: Stop, *, recursive: bool
) -> Iterator[EventBase]:
    """What is at a path and, of a directory, everything below it or right in it, as events of a snapshot.

    Nothing where nothing is. A directory that could not be listed gives its row with `audit_skipped`.

    Raises:
        DriverError: the root cannot be read, or the scan was stopped before its end.
    """
    with visiting(scope.root.path) as visit:
        with Places.of(scope) as places:
            place = places.find(path)
        if place is None:
            return
        if visit and place.above:
            visit.note(place.above[-1], [row(place.path, place.status)])
        try:
            start = None if place.is_closed or not place.is_directory else entered(scope, place)
        except VANISHED:
            return
        except OSError as error:
            counters.report_unlisted(place.path, error)
            start = None
        if start is None:
            yield _alone(place)
            return
        one = Pass(scope, batch_size, counters, stop, visit)
        for finished in one.through(start, above=frozenset(place.above), deep=recursive):
            yield finished.event


def _alone(place: Place) -> EventBase:
    """The one row of a file, or of a directory of which nothing else is known."""
    own = [row(place.path, place.status)]
    writer = EventWriter(MessageSource.SNAPSHOT, 1)
    shape, rows = (UPSERT_SKIPPED, skipped(own)) if place.is_directory else (UPSERT, own)
    (finished,) = (*writer.put(shape, rows), *writer.cut())
    return finished.event


def verify(scope: Scope, task: Mapping[str, Any]) -> dict[str, Any]:
    """How the paths of a task are now: `mtime` in seconds, `size` in bytes. What is not there is left out.

    An empty answer to a task of another kind.

    Raises:
        DriverError: the root cannot be read.
    """
    if task.get("type") != _VERIFIED:
        return {}
    with Places.of(scope) as places:
        found = [(path, places.find(path)) for path in task.get("paths") or ()]
    updates = [
        {"path": path, "mtime": place.status.st_mtime, "size": place.status.st_size, "status": "exists"}
        for path, place in found
        if place is not None
    ]
    return {"type": _ANSWER, "updates": updates}
