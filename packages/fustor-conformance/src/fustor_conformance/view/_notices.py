"""What the view notes beside its tree: what was not properly reported, and what could not be listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fustor_conformance._paths import containers
from fustor_conformance.view._rows import Row, split_path
from fustor_conformance.view._tree import Trie, walk


class PathSet:
    """Paths that can be dropped with all that is below one, at a cost that does not grow with how many there are."""

    def __init__(self) -> None:
        self._paths: Trie[bool] = Trie()

    def update(self, paths: Iterable[str]) -> None:
        """Add these."""
        for path in paths:
            *_, node = self._paths.reach(split_path(path))
            node.value = True

    def discard(self, path: str) -> None:
        """Drop a path, if it is there, and nothing below it."""
        node = self._paths.find(split_path(path))
        if node is not None:
            node.value = None

    def discard_tree(self, path: str) -> None:
        """Drop a path and everything below it."""
        self._paths.cut(split_path(path))

    def __contains__(self, path: str) -> bool:
        node = self._paths.find(split_path(path))
        return node is not None and node.value is True

    def __iter__(self) -> Iterator[str]:
        return (path for path, node in walk(self._paths.root, ()) if node.value)


class Notices:
    """Suspects (half written, says realtime) and blind spots (found by an audit, reported by nobody)."""

    def __init__(self) -> None:
        self.suspects = PathSet()
        self.blind_spots = PathSet()

    def told(self, row: Row) -> None:
        """Note a realtime upsert, which clears what was noted and may make its path a suspect."""
        if row.is_container:
            self.suspects.discard(row.path)
            self.blind_spots.discard(row.path)
        else:
            self.told_gone(row.path)
        if row.is_partial:
            self.suspects.update([row.path])

    def told_gone(self, path: str) -> None:
        """Note a realtime delete, which speaks for everything below the path too."""
        self.suspects.discard_tree(path)
        self.blind_spots.discard_tree(path)


class Coverage:
    """Remembers, for every container, the last pass that listed it and the last that did not.

    A pass is one audit or one snapshot. In one pass a container's contents may be listed although the container itself
    was not (its stamps moved meanwhile), so a listing counts below a container skipped in the same pass.
    """

    def __init__(self) -> None:
        self._pass = 0
        self._listed: dict[str, int] = {}
        self._skipped: dict[str, int] = {}

    def begin(self) -> None:
        """Begin a pass."""
        self._pass += 1

    def note(self, row: Row) -> None:
        """Note the row of a container; a skip outweighs a listing in the same pass."""
        if row.is_skipped:
            self._skipped[row.path] = self._pass
        elif row.is_container:
            self._listed[row.path] = self._pass
            if self._skipped.get(row.path, self._pass) < self._pass:
                del self._skipped[row.path]

    def is_unknown(self, path: str) -> bool:
        """Whether a path is below a container whose listing failed and that nothing has listed since."""
        if not self._skipped or path == "/":
            return False
        parent, *above = containers(path)
        listed = self._listed.get(parent, 0)
        # The container itself counts as skipped in the pass of its skip, one further down as listed in it.
        return parent in self._skipped or any(listed < self._skipped.get(container, 0) for container in above)
