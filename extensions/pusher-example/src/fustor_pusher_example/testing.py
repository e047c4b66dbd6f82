"""The world of the conformance kit: a directory, read without the driver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

__all__ = ["World"]


class World:
    """A directory of its own, empty at first."""

    keyed = False

    def __enter__(self) -> Self:
        """An empty directory."""
        self._directory = TemporaryDirectory()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Removes the directory and what was written."""
        self._directory.cleanup()

    def config(self) -> dict[str, Any]:
        """A pusher that writes into this directory."""
        return {
            "driver": "example",
            "endpoint": self._directory.name,
            "disabled": False,
        }

    def stored(self) -> list[dict[str, Any]]:
        """The rows of every committed event, in order, each with the `message_source` of its event."""
        committed: list[dict[str, Any]] = []
        pending: list[dict[str, Any]] = []
        for record in self._records():
            if "commit" in record:
                committed += pending
                pending = []
            else:
                pending += [{**row, "message_source": record["message_source"]} for row in record["rows"]]
        return committed

    def _records(self) -> Iterator[dict[str, Any]]:
        path = Path(self._directory.name) / "events.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        yield from map(json.loads, lines)

    @classmethod
    @contextmanager
    def demo(cls) -> Iterator[dict[str, Any]]:
        """A configuration that writes into a directory which is removed when the context is left."""
        with cls() as world:
            yield world.config()
