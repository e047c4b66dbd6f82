"""Notices: what the view holds but was not properly reported."""

from __future__ import annotations

from collections.abc import Iterable

from fustor_conformance.view._rows import Parts, Row, split_path
from fustor_conformance.view._trie import Trie, walk


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
