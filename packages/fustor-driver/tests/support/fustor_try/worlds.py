"""The systems that the test drivers read and write, changed and read without them."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self


class LogWorld:
    """A log of operations in a temporary directory."""

    operations = frozenset({"create", "modify", "delete"})

    def __enter__(self) -> Self:
        self._root = Path(tempfile.mkdtemp(prefix="fustor-try-"))
        self.log = self._root / "operations.log"
        self.log.touch()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root)

    def config(self) -> dict[str, Any]:
        return {"driver": "try_log", "uri": str(self.log), "disabled": False, "retry_delay_sec": 0.01}

    def append(self, op: str, path: str, size: int = 0) -> None:
        row = {"op": op, "path": path, "mtime": time.time()} | ({"size": size} if op == "upsert" else {})
        with self.log.open("ab", buffering=0) as file:
            file.write(json.dumps(row).encode() + b"\n")

    @classmethod
    @contextmanager
    def demo(cls) -> Iterator[dict[str, Any]]:
        with cls() as world:
            stop = threading.Event()
            thread = threading.Thread(target=world._change, args=(stop,))
            thread.start()
            try:
                yield world.config()
            finally:
                stop.set()
                thread.join()

    def _change(self, stop: threading.Event) -> None:
        at = 0
        while not stop.wait(0.01):
            at += 1
            self.append("upsert", f"/{at % 50}", at)


class LinesWorld:
    """A directory for JSON Lines."""

    keyed = False

    def __enter__(self) -> Self:
        self._root = Path(tempfile.mkdtemp(prefix="fustor-try-"))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root)

    def config(self) -> dict[str, Any]:
        return {"driver": "try_lines", "endpoint": str(self._root), "disabled": False, "retry_delay_sec": 0.01}
