"""The counter as a pure function of time: every phase, and every process, sees the same.

An odd tick n creates `/ticks/n`. The even tick after it removes the oldest file, once there are more than `keep`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .config import ExampleParams

__all__ = ["CONTAINERS", "Ticks"]

CONTAINERS = ("/ticks", "/")
"""Deepest first, as an audit visits them."""


@dataclass(frozen=True)
class Ticks:
    """What exists at which tick, as the rows of events."""

    params: ExampleParams

    def now(self) -> int:
        """The last tick so far, 0 before the first.

        Raises:
            OSError, ValueError: the clock file cannot be read, or holds no time.
        """
        clock = self.params.clock_file
        seconds = time.time() if clock is None else float(clock.read_text(encoding="ascii"))
        if not math.isfinite(seconds):
            raise ValueError(f"{str(clock)!r} holds no time")
        return max(0, math.floor((seconds - self.params.epoch) / self.params.interval_sec))

    def created_by(self, tick: int) -> int | None:
        """The file that this tick creates."""
        return tick if tick % 2 else None

    def removed_by(self, tick: int) -> int | None:
        """The file that this tick removes."""
        oldest = tick - 1 - 2 * self.params.keep
        return oldest if oldest % 2 and oldest > 0 else None

    def files(self, tick: int) -> range:
        """The files that exist at this tick, oldest first."""
        newest = tick if tick % 2 else tick - 1
        oldest = tick - 2 * self.params.keep
        return range(max(1, oldest + 1 - oldest % 2), newest + 1, 2)

    def file_row(self, file: int) -> dict[str, Any]:
        """The row of a file that exists."""
        return self._row(f"/ticks/{file}", "/ticks", self._time_of(file), len(str(file)))

    def delete_row(self, file: int, tick: int) -> dict[str, Any]:
        """The row of a file that this tick removed."""
        return self._row(f"/ticks/{file}", "/ticks", self._time_of(tick), None)

    def container_row(self, path: str, tick: int) -> dict[str, Any]:
        """The row of one of the two containers as it is at this tick."""
        return self._row(path, "" if path == "/" else "/", self.mtime(path, tick), 0, is_directory=True)

    def mtime(self, container: str, tick: int) -> float:
        """When the container last changed, up to this tick."""
        if container == "/":
            return self._time_of(0)
        changes = self.created_by(tick) is not None or self.removed_by(tick) is not None
        return self._time_of(tick if changes else max(0, tick - 1))

    def listing(self, tick: int) -> Iterator[dict[str, Any]]:
        """The rows of everything that exists at this tick, containers last."""
        yield from map(self.file_row, self.files(tick))
        for path in CONTAINERS:
            yield self.container_row(path, tick)

    def _time_of(self, tick: int) -> float:
        return self.params.epoch + tick * self.params.interval_sec

    def _row(
        self, path: str, parent: str, mtime: float, size: int | None, *, is_directory: bool = False
    ) -> dict[str, Any]:
        return {
            "path": path,
            "file_name": path.rpartition("/")[2],
            "parent_path": parent,
            "is_directory": is_directory,
            "size": size,
            "mtime": mtime,
            "modified_time": mtime,
        }
