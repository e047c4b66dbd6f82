"""What the released view keeps: its tree, doubtful paths, its clock, and whether it still listens."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fustor_conformance.view._rows import Parts, join_path, split_path
from fustor_conformance.view._tree import Trie, walk

MAX_ERRORS = 50
RECOVERY_SEC = 60.0
HOT_SEC = 30.0
SAME_MTIME_SEC = 1e-6
_SAMPLES = 10_000


class Suspects:
    """Paths that may be half written, each with the time until which that holds and the mtime seen then."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._paths: dict[str, tuple[float, float]] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def paths(self) -> frozenset[str]:
        """The paths."""
        return frozenset(self._paths)

    def add(self, path: str, mtime: float) -> None:
        """Suspect a path, from now for 30 s."""
        self._paths[path] = (self._clock() + HOT_SEC, mtime)

    def add_young(self, path: str, mtime: float, age: float) -> None:
        """Suspect a path until it is 30 s old, unless it is suspected already."""
        self._paths.setdefault(path, (self._clock() + min(HOT_SEC, HOT_SEC - age), mtime))

    def discard(self, path: str) -> None:
        """Clear a path."""
        self._paths.pop(path, None)

    def expire(self, mtime_of: Callable[[str], float | None]) -> None:
        """Clear those whose time is up and whose mtime did not move; the others get another 30 s."""
        now = self._clock()
        for path, (expiry, seen) in list(self._paths.items()):
            if expiry > now:
                continue
            mtime = mtime_of(path)
            if mtime is not None and abs(mtime - seen) > SAME_MTIME_SEC:
                self.add(path, mtime)
            else:
                del self._paths[path]


class BlindSpots:
    """Paths that an audit added or changed, and paths that it deleted."""

    def __init__(self) -> None:
        self.added: set[str] = set()
        self.deleted: set[str] = set()

    def paths(self) -> frozenset[str]:
        """Both."""
        return frozenset(self.added | self.deleted)

    def told(self, path: str) -> None:
        """Clear a path that realtime reported."""
        self.added.discard(path)
        self.deleted.discard(path)

    def clear(self) -> None:
        """Clear all."""
        self.added.clear()
        self.deleted.clear()


class Health:
    """Counts errors, as the release's host does: 50 of them, and the view is not called for a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._errors = 0
        self._disabled_at: float | None = None

    def fail(self) -> None:
        """Count an error; successes do not make up for it."""
        self._errors += 1
        if self._errors >= MAX_ERRORS:
            self._disabled_at = self._clock()

    def is_good(self) -> bool:
        """Whether the view is called, or called again after its minute of rest."""
        if self._disabled_at is not None and self._clock() - self._disabled_at > RECOVERY_SEC:
            self._disabled_at = None
            self._errors = 0
        return self._disabled_at is None


@dataclass(slots=True)
class Entry:
    """One file or directory; parents that appear of themselves have mtime 0 and were never updated."""

    is_directory: bool = True
    size: Any = 0
    mtime: float = 0.0
    is_skipped: bool = False
    updated_at: float = 0.0
    row: dict[str, Any] = field(default_factory=dict)


class ReleasedTree(Trie[Entry]):
    """Entries by path; the root is always there."""

    def __init__(self) -> None:
        super().__init__()
        self.root.value = Entry()

    def entry(self, path: str) -> Entry | None:
        """What is known of a path."""
        node = self.find(split_path(path))
        return node.value if node is not None else None

    def put(self, path: str, entry: Entry) -> list[str]:
        """Set an entry; return what a change of kind removed."""
        parts = split_path(path)
        known = self.entry(path)
        removed = self.cut(parts) if known is not None and known.is_directory is not entry.is_directory else []
        for node in self.reach(parts[:-1]):
            if node.value is None or not node.value.is_directory:
                node.value = Entry()
        *_, node = self.reach(parts)
        node.value = entry
        return removed

    def cut(self, parts: Parts) -> list[str]:
        """Remove a path and all below it, but never the root."""
        return super().cut(parts) if parts else []

    def children(self, path: str) -> Iterator[tuple[str, Entry]]:
        """What is directly in a directory."""
        parts = split_path(path)
        node = self.find(parts)
        for name, child in list(node.children.items()) if node is not None else ():
            if child.value is not None:
                yield join_path((*parts, name)), child.value

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every path with its entry, parents first."""
        return ((path, node.value) for path, node in walk(self.root, ()) if node.value is not None)


class Watermark:
    """Seconds since the epoch as the source's file server would give them; source: fustor-core 0.8.17."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lags: deque[int] = deque(maxlen=_SAMPLES)
        self._counts: Counter[int] = Counter()
        self._lag: int | None = 0

    def sample(self, mtime: float) -> None:
        """Take the lag of a realtime row into account, in whole seconds."""
        lag = int(self._clock() - mtime)
        if len(self._lags) == _SAMPLES:
            oldest = self._lags[0]
            self._counts[oldest] -= 1
            if not self._counts[oldest]:
                del self._counts[oldest]
        self._lags.append(lag)
        self._counts[lag] += 1
        self._lag = None

    def now(self) -> float:
        """The time; of the lags seen equally often the smallest counts."""
        if self._lag is None:
            most = max(self._counts.values())
            self._lag = min(lag for lag, count in self._counts.items() if count == most)
        return self._clock() - self._lag
