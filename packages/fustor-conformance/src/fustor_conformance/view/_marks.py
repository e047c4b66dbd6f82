"""Marks: which paths realtime reported, and when, in order of arrival."""

from __future__ import annotations

from collections.abc import Iterator

from fustor_conformance.view._rows import Parts
from fustor_conformance.view._tree import Node, Trie


class _Mark:
    """Places in the order of arrival, 0 for never."""

    __slots__ = ("at", "below", "latest", "upsert")

    def __init__(self) -> None:
        self.at = 0  # the latest mark of the path itself
        self.below = 0  # the latest one that holds for everything below it
        self.upsert = 0  # the latest upsert, unless a delete came after it
        self.latest = 0  # no upsert below is younger; deletes leave it standing, so it may be too young


class Marks:
    """The marks of one session.

    A delete's mark holds for everything below the path too, and so does that of an upsert that says the path is no
    container: both say that nothing was below. A later upsert does not lift either there.
    """

    def __init__(self) -> None:
        self._marks: Trie[_Mark] = Trie()
        self.now = 0

    def forget(self) -> None:
        """Drop all marks; the order of arrival goes on."""
        self._marks = Trie()

    def upsert(self, parts: Parts, *, is_container: bool) -> None:
        """Mark an upsert of realtime."""
        self.now += 1
        for mark, _ in self._path_to(parts):
            mark.latest = self.now
        mark, node = self._at(parts)
        mark.at = mark.upsert = self.now
        if not is_container:
            self._hold_below(mark, node)

    def delete(self, parts: Parts) -> None:
        """Mark a delete of realtime."""
        self.now += 1
        mark, node = self._at(parts)
        mark.at = self.now
        mark.upsert = mark.latest = 0
        self._hold_below(mark, node)

    def holds(self, parts: Parts, since: int) -> bool:
        """Whether a mark younger than `since` holds for the path."""
        node: Node[_Mark] | None = self._marks.root
        for name in parts:
            if node is None:
                return False
            if node.value is not None and node.value.below > since:
                return True
            node = node.children.get(name)
        return node is not None and node.value is not None and node.value.at > since

    def touched(self, parts: Parts, since: int) -> bool:
        """Whether an upsert younger than `since`, of the path or anything below, was not deleted since."""
        node = self._marks.find(parts)
        stack = [] if node is None else [node]
        while stack:
            node = stack.pop()
            mark = node.value
            if mark is None or mark.latest <= since:
                continue
            if mark.upsert > since:
                return True
            stack.extend(node.children.values())
        return False

    def _hold_below(self, mark: _Mark, node: Node[_Mark]) -> None:
        mark.below = self.now
        node.children = {}  # older marks below are outranked by this one

    def _at(self, parts: Parts) -> tuple[_Mark, Node[_Mark]]:
        *_, last = self._path_to(parts)
        return last

    def _path_to(self, parts: Parts) -> Iterator[tuple[_Mark, Node[_Mark]]]:
        for node in self._marks.reach(parts):
            if node.value is None:
                node.value = _Mark()
            yield node.value, node
