"""The watched tree: which directory a watch stands for, and which names it is known to hold."""

from __future__ import annotations

from collections.abc import Iterator

from fustor_source_fs._names import text_of

__all__ = ["UNWATCHED", "Node", "Watches"]

UNWATCHED = -1


class Node:
    """A directory of the tree. A detached one is gone or elsewhere; its events mean nothing any more.

    Names of entries other than directories are kept as one block of bytes and a few changes to it: a seventh of what
    a set of names takes.
    """

    __slots__ = ("_block", "_changes", "attached", "children", "listed", "name", "parent", "watch")

    def __init__(self, parent: Node | None, name: str) -> None:
        self.parent = parent
        self.name = name
        self.children: dict[str, Node] | None = None
        self.watch = UNWATCHED
        self.attached = True
        self.listed = True
        self._block = b""
        self._changes: dict[str, bool] | None = None

    def raw_parts(self) -> list[str]:
        """The names from the root to this directory, as `os` functions take them."""
        parts = []
        node = self
        while node.parent is not None:
            parts.append(node.name)
            node = node.parent
        parts.reverse()
        return parts

    @property
    def path(self) -> str:
        return "/" + "/".join(map(text_of, self.raw_parts()))

    @property
    def prefix(self) -> str:
        """What stands before the names of its entries in their paths."""
        return self.path + "/" if self.parent else "/"

    @property
    def is_known_to_hold(self) -> bool:
        """Whether anything is known to be in this directory."""
        return bool(self.children) or bool(self.names())

    def child(self, name: str) -> Node | None:
        return self.children.get(name) if self.children else None

    def attach(self, child: Node) -> None:
        if self.children is None:
            self.children = {}
        self.children[child.name] = child

    def detach(self, name: str) -> None:
        if self.children is not None:
            self.children.pop(name, None)
            if not self.children:
                self.children = None

    def set_names(self, names: list[str]) -> None:
        """Replace the names that are known."""
        self._block = "\0".join(names).encode("utf-8", "surrogateescape")
        self._changes = None

    def add_name(self, name: str) -> None:
        self._change(name, present=True)

    def drop_name(self, name: str) -> None:
        self._change(name, present=False)

    def names(self) -> set[str]:
        """The names that are known, of all but directories."""
        block = self._block.decode("utf-8", "surrogateescape")
        names = set(block.split("\0")) if block else set()
        for name, present in (self._changes or {}).items():
            (names.add if present else names.discard)(name)
        return names

    def _change(self, name: str, *, present: bool) -> None:
        if self._changes is None:
            self._changes = {}
        self._changes[name] = present
        if len(self._changes) > 256 + len(self._block) // 64:
            self.set_names(list(self.names()))

    def below(self) -> Iterator[Node]:
        """This directory and all below it, each after those that it holds."""
        stack: list[tuple[Node, Iterator[Node]]] = [(self, iter(list((self.children or {}).values())))]
        while stack:
            following = next(stack[-1][1], None)
            if following is None:
                yield stack.pop()[0]
            else:
                stack.append((following, iter(list((following.children or {}).values()))))


class Watches:
    """From a watch's number to the directories that it stands for.

    That is one, unless links or mounts lead to a directory by several paths (`shared`); a directory that turns up
    under another path has moved there.
    """

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._nodes: dict[int, Node | tuple[Node, ...]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, watch: int) -> bool:
        return watch in self._nodes

    def nodes(self, watch: int) -> tuple[Node, ...]:
        found = self._nodes.get(watch)
        if found is None:
            return ()
        return found if isinstance(found, tuple) else (found,)

    def is_for(self, watch: int, node: Node) -> bool:
        found = self._nodes.get(watch)
        return found is node or (isinstance(found, tuple) and node in found)

    def set(self, watch: int, node: Node) -> None:
        node.watch = watch
        others = tuple(one for one in self.nodes(watch) if one is not node and one.attached) if self._shared else ()
        self._nodes[watch] = (*others, node) if others else node

    def drop(self, node: Node) -> bool:
        """Forget that a directory is watched; whether its watch stands for nothing any more."""
        if node.watch == UNWATCHED or not self.is_for(node.watch, node):
            return False
        others = tuple(one for one in self.nodes(node.watch) if one is not node)
        if others:
            self._nodes[node.watch] = others if len(others) > 1 else others[0]
        else:
            del self._nodes[node.watch]
        return not others

    def forget(self, watch: int) -> None:
        """The kernel has dropped this watch."""
        for node in self.nodes(watch):
            node.watch = UNWATCHED
        self._nodes.pop(watch, None)
