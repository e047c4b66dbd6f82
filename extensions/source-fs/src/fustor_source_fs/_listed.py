"""What snapshots and audits have listed in directories without a watch.

A poll finds what went by comparing names with those of the poll before. What came after that one, was listed by a
snapshot and went before the next one would be in neither. So whoever lists such a directory notes what it has found.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from fustor_source_fs._rows import Row

__all__ = ["Listed", "Names"]

Names: TypeAlias = dict[str, bool]
"""The text of each name, and whether it is a directory's."""


class Listed:
    """The names noted since they were taken last, by their directory's path. Callable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unwatched: set[tuple[int, int]] = set()
        self._names: dict[str, Names] = {}

    def add_unwatched(self, directory: tuple[int, int]) -> None:
        """From now on note what is listed in this directory, by device and inode, also if it is watched one day."""
        self._unwatched.add(directory)

    def note(self, directory: tuple[int, int], rows: list[Row]) -> None:
        """These rows of entries are about to be reported of a directory."""
        if not rows or directory not in self._unwatched:
            return
        with self._lock:
            names = self._names.setdefault(rows[0]["parent_path"], {})
            names.update((one["file_name"], one["is_directory"]) for one in rows)

    @contextmanager
    def taken(self) -> Iterator[dict[str, Names]]:
        """All of it, which is forgotten here once the block has come to its end."""
        with self._lock:
            taken, self._names = self._names, {}
        try:
            yield taken
        except BaseException:
            for path, names in taken.items():
                self.keep(path, names)
            raise

    def keep(self, path: str, names: Names) -> None:
        """Give back what is to be looked at once more."""
        with self._lock:
            self._names[path] = names | self._names.get(path, {})
