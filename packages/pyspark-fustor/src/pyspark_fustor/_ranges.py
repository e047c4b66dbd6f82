"""A stream that several tasks read, a range of positions each; what is in order within a range is not across them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSourceStreamReader, InputPartition

from pyspark_fustor._options import SourceOptions
from pyspark_fustor._redacting import redacted
from pyspark_fustor._stream import Offset, PositionReader, position_of, read_range

__all__ = ["RangesReader", "split"]


@dataclass(frozen=True)
class Range(InputPartition):
    """The positions `start < position <= end`."""

    start: int
    end: int


class RangesReader(PositionReader, DataSourceStreamReader):
    """Plans each micro-batch as ranges up to the newest position; tasks read them by drivers of their own."""

    def __init__(self, options: SourceOptions) -> None:
        super().__init__(options)
        self._newest = -1
        self._looked_at = float("-inf")
        self._is_fixed = False

    @redacted()
    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802 - Spark's name
        """Read up to the newest position of now, and no further."""
        self._newest = self._source.get_latest_position()
        self._is_fixed = True

    @redacted()
    def latestOffset(self, start: Mapping[str, Any] | None = None, limit: object = None) -> Offset:  # noqa: N802
        """The newest position; Spark asks many times a second, and the source is asked every `progress_sec`."""
        del limit
        now = time.monotonic()
        if not self._is_fixed and now - self._looked_at >= self._options.progress_sec:
            self._newest = self._source.get_latest_position()
            self._looked_at = now
        return {"position": max(self._newest, position_of(start) if start else -1)}

    def partitions(self, start: Mapping[str, Any], end: Mapping[str, Any]) -> list[InputPartition]:
        """About `partitions` ranges of the same length."""
        return list(split(position_of(start), position_of(end), self._options.partitions))

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of one range; the same ones however often it is read."""
        if not isinstance(partition, Range):
            raise TypeError(f"{type(partition).__name__} is not a range of this reader")
        return read_range(self._options, partition.start, partition.end)


def split(start: int, end: int, n: int) -> Iterator[Range]:
    """About `n` ranges that together are `start < position <= end`; one that is empty where that is."""
    step = max(-(-(end - start) // n), 1)
    for first in range(start, max(end, start + 1), step):
        yield Range(first, min(first + step, end))
