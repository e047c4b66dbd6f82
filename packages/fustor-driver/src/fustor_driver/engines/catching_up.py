"""A run that ends: everything of a source up to now, as steps that an engine can put into its own messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_driver.engines.bookmarks import Bookmark, has_positions
from fustor_driver.hosts.calls import open_phase
from fustor_driver.redaction import safe_logger
from fustor_event_model import EventBase, MessageSource

__all__ = ["Passed", "SnapshotBegins", "SnapshotEnds", "Step", "catch_up", "take_snapshot"]

_log = safe_logger("fustor_driver.engines")
_QUIET_SEC = 2.0
_PROGRESS_SEC = 0.5
_PROGRESS_LOST_SEC = 30.0
_LOOK_SEC = 0.05


@dataclass(frozen=True)
class SnapshotBegins:
    """Everything up to `SnapshotEnds` is one snapshot; `version` is of now, in milliseconds."""

    version: int


@dataclass(frozen=True)
class SnapshotEnds:
    """The snapshot was complete: what it had nothing of is not there."""

    version: int


@dataclass(frozen=True)
class Passed:
    """Everything up to `position` was yielded; a run may resume there."""

    position: int


Step: TypeAlias = EventBase | SnapshotBegins | SnapshotEnds | Passed


def catch_up(
    source: SourceDriver, known: Bookmark, stop: threading.Event, *, snapshot: bool, quiet_sec: float = _QUIET_SEC
) -> Iterator[Step]:
    """What a source reports since the bookmark, or with `snapshot` all of it and what changed meanwhile.

    It ends with what there was at its beginning or later; a realtime event's index is a position to resume after, and
    no step of a snapshot is. What the bookmark says is acknowledged, and nothing else: the engine knows the rest to be
    durable only when it hands the next bookmark in.

    Raises:
        DriverError: the source cannot go on; a snapshot that is stopped is not complete.
    """
    if not snapshot:
        source.acknowledge(known.position)
        yield from _changes(source, known.position, stop, quiet_sec)
    elif has_positions(source):
        yield from _from_the_beginning(source, stop, quiet_sec)
    else:
        yield from take_snapshot(source, stop)


def take_snapshot(source: SourceDriver, stop: threading.Event) -> Iterator[Step]:
    """One complete snapshot; errors as for `catch_up`."""
    version = int(time.time() * 1000)
    yield SnapshotBegins(version)
    yield from open_phase(source, MessageSource.SNAPSHOT, stop)
    if stop.is_set():  # a source that is stopped may just end
        raise DriverError("The snapshot was stopped before its end")
    yield SnapshotEnds(version)


def _from_the_beginning(source: SourceDriver, stop: threading.Event, quiet_sec: float) -> Iterator[Step]:
    """The stream is armed before the snapshot, so that the source keeps what comes meanwhile.

    The position before that is one to resume after, for a source that keeps its log by itself. One of afterwards is
    not: the snapshot may be of the moment in which the stream was armed.
    """
    before = source.get_latest_position()
    with _opened(source, -1, _progress_of(source)) as stream:
        yield from take_snapshot(source, stop)
        is_available = before > 0 and source.is_position_available(before)
        if is_available:
            yield Passed(before)
        if _progress_of(source) or not (is_available and _is_bounded(source)):
            yield from stream.up_to(source.get_latest_position(), stop, quiet_sec)
            return
    yield from _changes(source, before, stop, quiet_sec)


def _changes(source: SourceDriver, start: int, stop: threading.Event, quiet_sec: float) -> Iterator[Step]:
    end = source.get_latest_position()
    if end <= start:
        yield Passed(start)
    elif _is_bounded(source):
        bounds = {"end_position": end}
        yield from open_phase(source, MessageSource.REALTIME, stop, position=start, bounds=bounds)
        if not stop.is_set():
            yield Passed(end)
    else:
        with _opened(source, start, _progress_of(source)) as stream:
            yield from stream.up_to(end, stop, quiet_sec)


def _is_bounded(source: SourceDriver) -> bool:
    return "end_position" in source.capabilities


def _progress_of(source: SourceDriver) -> dict[str, float]:
    return {"progress_interval": _PROGRESS_SEC} if "progress_interval" in source.capabilities else {}


@contextmanager
def _opened(source: SourceDriver, position: int, bounds: dict[str, float]) -> Iterator[_Endless]:
    done = threading.Event()
    events = open_phase(source, MessageSource.REALTIME, done, position=position, bounds=bounds)
    try:
        yield _Endless(source.id, events, done, has_progress=bool(bounds))
    finally:
        done.set()
        if isinstance(events, Generator):
            events.close()


class _Endless:
    """A stream that has no end of its own. Setting `done` ends it."""

    def __init__(self, name: str, events: Iterator[EventBase], done: threading.Event, *, has_progress: bool) -> None:
        self._name = name
        self._events = events
        self._done = done
        self._has_progress = has_progress
        self._waits_since: float | None = None

    def up_to(self, end: int, stop: threading.Event, quiet_sec: float) -> Iterator[EventBase]:
        """What it reports up to a position: exactly where it reports progress, else until it is quiet."""
        patience = _PROGRESS_LOST_SEC if self._has_progress else quiet_sec
        watcher = threading.Thread(target=self._watch, args=(stop, patience), name="fustor-quiet", daemon=True)
        watcher.start()
        try:
            for event in self._noted():
                yield event
                if event.index >= end:
                    return
        finally:
            self._done.set()
            watcher.join()
        if self._has_progress and not stop.is_set():
            _log.warning(
                "The source %r reports no progress up to position %d; the rest is read next time", self._name, end
            )

    def _noted(self) -> Iterator[EventBase]:
        self._waits_since = time.monotonic()
        for event in self._events:
            self._waits_since = None
            yield event
            self._waits_since = time.monotonic()

    def _watch(self, stop: threading.Event, patience_sec: float) -> None:
        while not self._done.wait(_LOOK_SEC):
            since = self._waits_since
            if stop.is_set() or (since is not None and time.monotonic() - since >= patience_sec):
                self._done.set()
