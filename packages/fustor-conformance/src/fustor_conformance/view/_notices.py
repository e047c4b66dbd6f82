"""What the view notes beside its tree: what was not properly reported, and what could not be listed."""

from __future__ import annotations

from collections.abc import Iterable

from fustor_conformance.view._rows import Parts, Row, join_path, split_path
from fustor_conformance.view._tree import Trie, walk


class PathSet:
    """Paths that can be dropped with all that is below one."""

    def __init__(self) -> None:
        self._paths: Trie[bool] = Trie()

    def add(self, parts: Parts) -> None:
        """Add a path."""
        *_, node = self._paths.reach(parts)
        node.value = True

    def discard(self, parts: Parts) -> None:
        """Drop a path, if it is there, and the way to it where nothing else needs that."""
        node = self._paths.find(parts)
        if node is None:
            return
        node.value = None
        while parts and node is not None and not node.children and not node.value:
            self._paths.cut(parts)
            parts = parts[:-1]
            node = self._paths.find(parts)

    def discard_tree(self, parts: Parts) -> None:
        """Drop a path and everything below it."""
        self._paths.cut(parts)
        self.discard(parts[:-1])

    def has(self, parts: Parts) -> bool:
        """Whether a path is in the set."""
        node = self._paths.find(parts)
        return node is not None and node.value is True

    def paths(self) -> frozenset[str]:
        """The paths."""
        return frozenset(path for path, node in walk(self._paths.root, ()) if node.value)


class Notices:
    """Suspects (half written, says realtime) and blind spots (found by an audit, reported by nobody)."""

    def __init__(self) -> None:
        self.suspects = PathSet()
        self.blind_spots = PathSet()

    def told(self, row: Row) -> None:
        """Note a realtime upsert, which clears what was noted and may make its path a suspect."""
        forget = PathSet.discard if row.is_container else PathSet.discard_tree
        forget(self.suspects, row.parts)
        forget(self.blind_spots, row.parts)
        if row.is_partial:
            self.suspects.add(row.parts)

    def told_gone(self, parts: Parts) -> None:
        """Note a realtime delete, which speaks for everything below the path too."""
        self.suspects.discard_tree(parts)
        self.blind_spots.discard_tree(parts)

    def found(self, paths: Iterable[str]) -> None:
        """Note what an audit added, changed or deleted."""
        for path in paths:
            self.blind_spots.add(split_path(path))


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

    def is_unknown(self, parts: Parts) -> bool:
        """Whether a path is below a container whose listing failed and that nothing has listed since."""
        if not self._skipped or not parts:
            return False
        listed = self._listed.get(join_path(parts[:-1]), 0)
        above = (join_path(parts[:depth]) for depth in range(len(parts)))
        # The container itself counts as skipped in the pass of its skip, one further down as listed in it.
        return any(self._is_open(path, listed, is_parent=depth == len(parts) - 1) for depth, path in enumerate(above))

    def _is_open(self, path: str, listed: int, *, is_parent: bool) -> bool:
        skipped = self._skipped.get(path, 0)
        return skipped > 0 and (is_parent or listed < skipped)
