"""A tree of names that carries a value at any path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from fustor_conformance.view._rows import Parts, join_path

V = TypeVar("V")


class Node(Generic[V]):
    """One place in the tree; a value of None means that only its position is known."""

    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.children: dict[str, Node[V]] = {}
        self.value: V | None = None


class Trie(Generic[V]):
    """Values at paths; every step costs one dictionary look-up, and no recursion limits the depth."""

    def __init__(self) -> None:
        self.root: Node[V] = Node()

    def find(self, parts: Parts) -> Node[V] | None:
        """The node at a path, or None."""
        node: Node[V] | None = self.root
        for name in parts:
            if node is None:
                return None
            node = node.children.get(name)
        return node

    def reach(self, parts: Parts) -> Iterator[Node[V]]:
        """The nodes from the root to a path, made where they are missing."""
        node = self.root
        yield node
        for name in parts:
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = Node()
            node = child
            yield node

    def cut(self, parts: Parts) -> list[str]:
        """Remove a path and everything below it; return the paths that stood there, parents first."""
        if not parts:
            removed = [path for path, _ in walk(self.root, ())]
            self.root = Node()
            return removed
        parent = self.find(parts[:-1])
        node = parent.children.pop(parts[-1], None) if parent is not None else None
        return [path for path, _ in walk(node, parts)] if node is not None else []


def walk(node: Node[V], parts: Parts) -> Iterator[tuple[str, Node[V]]]:
    """A node that stands at `parts`, and all below it, each with its path; parents first."""
    stack = [(join_path(parts), node)]
    while stack:
        path, node = stack.pop()
        yield path, node
        prefix = "" if path == "/" else path
        stack.extend((f"{prefix}/{name}", child) for name, child in node.children.items())
