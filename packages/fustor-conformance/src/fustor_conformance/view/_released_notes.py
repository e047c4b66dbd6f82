"""What the released view notes beside its tree: doubtful paths, and whether it still listens."""

from __future__ import annotations

from collections.abc import Callable

MAX_ERRORS = 50
RECOVERY_SEC = 60.0
HOT_SEC = 30.0
SAME_MTIME_SEC = 1e-6


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
