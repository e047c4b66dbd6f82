"""What the view knows: things in containers, in a tree of names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fustor_conformance.view._rows import Parts, Row, join_path

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


@dataclass(frozen=True, slots=True)
class Change:
    """What putting a row in its place did to the tree."""

    is_new: bool
    before: Row | None
    removed: tuple[str, ...]
    opened: tuple[str, ...]


class Tree(Trie[Row]):
    """A node is a thing; one without a row is a container that only its contents report."""

    def put(self, row: Row) -> Change:
        """Replace what is known of a path.

        Unknown parents appear; a parent that was not a container becomes one and loses its row; a thing that is
        not a container loses what was below it.
        """
        node = self.root
        is_new = False  # the root is never new: it is a container of every source
        opened: list[str] = []
        for depth, name in enumerate(row.parts):
            if node.value is not None and not node.value.is_container:
                opened.append(join_path(row.parts[:depth]))
                node.value = None
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = Node()
                is_new = depth == len(row.parts) - 1 or is_new
            node = child
        removed = () if row.is_container else self._empty(node, row)
        before, node.value = node.value, row
        return Change(is_new=is_new, before=before, removed=removed, opened=tuple(opened))

    def _empty(self, node: Node[Row], row: Row) -> tuple[str, ...]:
        if not node.children:
            return ()
        removed = tuple(path for path, _ in walk(node, row.parts) if path != row.path)
        node.children = {}
        return removed

    def things(self) -> Iterator[tuple[str, Row | None]]:
        """Every path with its row; the root only where it was reported or holds something."""
        for path, node in walk(self.root, ()):
            if path != "/" or node.value is not None or node.children:
                yield path, node.value

    def children(self, parts: Parts) -> list[str]:
        """The names in a container, none if it is unknown."""
        node = self.find(parts)
        return list(node.children) if node is not None else []


def data_of(path: str, row: Row | None) -> dict[str, Any]:
    """The fields known of a thing; a container that no row reported has neither mtime nor size."""
    if row is not None:
        return dict(row.data)
    return {"path": path, "is_directory": True, "mtime": None, "size": None}
