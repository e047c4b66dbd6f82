"""The stream of a source that one reader reads: one Python process beside the Spark driver, in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import pyarrow as pa
from pyspark.sql.datasource import SimpleDataSourceStreamReader

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_driver.hosts.calls import open_phase
from fustor_event_model import EventBase, MessageSource
from pyspark_fustor._building import build_source, reading, require, source
from pyspark_fustor._engine import SupportsTriggerAvailableNow
from pyspark_fustor._feed import Feed
from pyspark_fustor._options import SourceOptions
from pyspark_fustor._redacting import redacted
from pyspark_fustor._rows import arrow_batches

__all__ = ["Offset", "PositionReader", "StreamReader", "first_offset", "position_of", "read_range", "require_stream"]

Offset: TypeAlias = dict[str, Any]
"""`{"position": p}`: everything up to p is in the batches that end there. The very first one has `"new": true` as well,
so that an empty first batch puts the position into the checkpoint; not one that the user gave, and gives again."""
_NEEDED = {"get_latest_position", "end_position"}


class PositionReader(SupportsTriggerAvailableNow):
    """What both readers of a stream do alike: begin at a position, and let the source release what Spark has."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options

    @cached_property
    def _source(self) -> SourceDriver:
        return build_source(self._options)

    @redacted()
    def initialOffset(self) -> Offset:  # noqa: N802 - Spark's name
        """Where a new query begins: a real position, from which the source keeps its changes."""
        return first_offset(self._source, self._options)

    @redacted()
    def commit(self, end: Mapping[str, Any]) -> None:
        """Let the source release everything up to `end`: Spark has it in its checkpoint."""
        self._source.acknowledge(position_of(end))


class StreamReader(PositionReader, SimpleDataSourceStreamReader):
    """Keeps one stream of the source open, and takes from it whatever waits when Spark asks."""

    def __init__(self, options: SourceOptions) -> None:
        super().__init__(options)
        self._feed: Feed | None = None
        self._position = -1
        self._end: int | None = None

    @redacted()
    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802 - Spark's name
        """Read up to the newest position of now, and no further."""
        self._end = self._source.get_latest_position()

    @redacted()
    def read(self, start: Mapping[str, Any]) -> tuple[Iterator[pa.RecordBatch], Offset]:
        """What came after `start` as Arrow batches, and where it ends.

        Raises:
            DriverError: the source cannot be read, has lost the position, or emits rows without a position.
        """
        position = position_of(start)
        if start.get("new"):
            return iter([]), {"position": position}
        if self._end is not None and position >= self._end:
            return iter([]), dict(start)
        is_bounded = self._end is not None
        taken = self._opened(position).take(None if is_bounded else self._options.wait_sec, is_full=is_bounded)
        if taken.last is not None:
            self._position = require_position(self._source, taken.last)
        elif self._end is not None:
            self._position = self._end
        return iter(taken.batches), {"position": self._position}

    def readBetweenOffsets(self, start: Mapping[str, Any], end: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:  # noqa: N802
        """The same rows again, after a restart; in a task, by a driver of its own."""
        return read_range(self._options, position_of(start), position_of(end))

    def _opened(self, position: int) -> Feed:
        if self._feed is None or self._position != position or (self._end is None and self._feed.is_exhausted):
            if self._feed is not None:
                self._feed.close()
            require_available(self._source, position)
            stop = threading.Event()
            bounds: dict[str, Any] = {"end_position": self._end} if self._end is not None else {}
            if "progress_interval" in self._source.capabilities:
                bounds["progress_interval"] = self._options.progress_sec
            events = _changes(self._source, position, stop, **bounds)
            self._feed, self._position = Feed(events, stop, self._options.max_rows), position
        return self._feed


def position_of(offset: Mapping[str, Any]) -> int:
    """The position of an offset."""
    return int(offset["position"])


def require_stream(options: SourceOptions) -> None:
    """Return if the changes of a source can be read by an engine that restarts where it was.

    Raises:
        NotSupported: it has no positions (its indexes are -1), or cannot read up to one.
    """
    with source(options) as built:
        require(built, _NEEDED, "read as a stream, since Spark goes on at a position; take snapshots and audits of it")


def first_offset(built: SourceDriver, options: SourceOptions) -> Offset:
    """The offset of a new query, from which the source keeps its changes.

    Where it keeps none yet, a stream is opened first. Where it does, none is: that would begin anew, and Spark may ask
    a query that goes on as well.
    """
    if options.start_position is not None:
        require_available(built, options.start_position)
        return {"position": options.start_position}
    newest = built.get_latest_position()
    if built.is_position_available(newest):
        return {"position": newest, "new": True}
    stop = threading.Event()
    armed = Feed(_changes(built, -1, stop), stop, options.max_rows)
    try:
        return {"position": built.get_latest_position(), "new": True}
    finally:
        armed.close()


def read_range(options: SourceOptions, start: int, end: int) -> Iterator[pa.RecordBatch]:
    """The rows of `start < position <= end`.

    Raises:
        DriverError: the source cannot be read, or has lost `start`.
    """
    if start >= end:
        return
    with source(options) as built, reading() as stop:
        require_available(built, start)
        yield from arrow_batches(_changes(built, start, stop, end_position=end))


def _changes(built: SourceDriver, start: int, stop: threading.Event, **bounds: Any) -> Iterator[EventBase]:
    return open_phase(built, MessageSource.REALTIME, stop, position=start, bounds=bounds)


def require_available(built: SourceDriver, position: int) -> None:
    """Return if the source still has everything after a position.

    Raises:
        DriverError: it does not, or nobody can say.
    """
    if not built.is_position_available(position):
        raise DriverError(
            f"Source {built.id!r} no longer has everything after position {position}, or cannot be reached; if it is "
            "gone, start a new query with a new checkpoint and take a new snapshot"
        )


def require_position(built: SourceDriver, index: int) -> int:
    """The index of an event, which a stream under Spark cannot do without."""
    if index < 0:
        raise DriverError(
            f"Source {built.id!r} emits changes without positions (index -1); Spark could not go on after a restart"
        )
    return index
