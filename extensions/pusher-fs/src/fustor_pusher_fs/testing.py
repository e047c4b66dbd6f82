"""The world of the conformance kit: a directory of its own, read without the driver."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

__all__ = ["World"]

_SEGMENT_BYTES = 16_384


class World:
    """An empty directory, there from entering to leaving."""

    keyed = False
    """An append log: a path has as many rows as were pushed."""

    def __enter__(self) -> Self:
        """Make the directory."""
        self._directory = tempfile.TemporaryDirectory(prefix="fustor-pusher-fs-")
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Remove the directory and all that was written."""
        self._directory.cleanup()

    @property
    def _endpoint(self) -> Path:
        return Path(self._directory.name) / "events"

    def config(self) -> dict[str, Any]:
        """Keywords of a PusherConfig that writes here, to files so small that some batches begin one."""
        params = {"segment_max_bytes": _SEGMENT_BYTES}
        return {"driver": "fs", "endpoint": str(self._endpoint), "disabled": False, "driver_params": params}

    def broken(self) -> dict[str, Any]:
        """Keywords of a PusherConfig that cannot work: a file stands where the directory should be."""
        file = Path(self._directory.name) / "file"
        file.touch()
        return {"driver": "fs", "endpoint": str(file), "disabled": False}

    def stored(self) -> list[dict[str, Any]]:
        """The rows of every committed batch, each with its `message_source`, in order."""
        return [row for file in sorted(self._endpoint.glob("*/*.jsonl")) for row in _rows(file)]

    @classmethod
    @contextmanager
    def demo(cls) -> Iterator[dict[str, Any]]:
        """Keywords of a PusherConfig that writes to a directory which is removed at the end."""
        with cls() as world:
            yield world.config() | {"driver_params": {}}


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    pending: list[dict[str, Any]] = []
    for line in file.read_bytes().splitlines():
        said = json.loads(line)
        if "_commit" in said:
            yield from pending
            pending = []
        elif "event_type" in said:
            pending += [{**row, "message_source": said["message_source"]} for row in said["rows"]]
