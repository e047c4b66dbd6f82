"""What audits of one source remember of its containers from one to the next."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from threading import Lock


@dataclass(slots=True)
class _Known:
    stamps: Hashable
    mtime: float
    listed: Hashable = None
    visited: int = 0


class Memory:
    """Containers by path: since when they look as they do, and how they looked when they were last listed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, _Known] = {}
        self._number = 0
        self._began_at = 0
        self._began_before = 0

    def begin(self, touches: int) -> int:
        """The number of a new audit. `touches` is the place in the order of realtime events where it begins."""
        with self._lock:
            self._number += 1
            self._began_before, self._began_at = self._began_at, touches
            return self._number

    def mtime(self, path: str, stamps: Hashable, clock: float) -> float:
        """The server's time when a container was first seen to look as it does; `clock` if that is news."""
        with self._lock:
            known = self._known.get(path)
            if known is None or known.stamps != stamps:
                self._known[path] = known = _Known(stamps, clock, visited=known.visited if known else 0)
            return known.mtime

    def is_unchanged(self, path: str, stamps: Hashable, number: int) -> bool:
        """Whether the container looks as at its last listing, and the audit before `number` visited it."""
        with self._lock:
            known = self._known.get(path)
            return known is not None and known.listed == stamps and known.visited == number - 1

    def visit(self, path: str, number: int, listed: Hashable) -> None:
        """Note a visit, and the stamps read before the listing; None where there was none or it failed."""
        with self._lock:
            known = self._known[path]
            known.visited = number
            known.listed = listed

    def keep(self, path: str, number: int) -> None:
        """Note a visit that found the container unchanged."""
        with self._lock:
            self._known[path].visited = number

    def forget(self, paths: Iterable[str]) -> None:
        """Have these containers listed anew."""
        with self._lock:
            for path in paths:
                if path in self._known:
                    self._known[path].listed = None

    @property
    def before(self) -> int:
        """The place in the order of realtime events where the audit before the last one began."""
        return self._began_before
