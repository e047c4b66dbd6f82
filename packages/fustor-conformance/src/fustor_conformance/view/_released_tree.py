"""The released view's tree, with what it notes on every entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fustor_conformance.view._rows import Parts, join_path, split_path
from fustor_conformance.view._trie import Node, Trie, walk


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
            self._make_directory(node)
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

    def _make_directory(self, node: Node[Entry]) -> None:
        if node.value is None or not node.value.is_directory:
            node.value = Entry()
