"""The end of a snapshot: it replaces what was known."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from fustor_conformance.view._rows import Row
from fustor_conformance.view._tree import Tree
from fustor_conformance.view._trie import Node


class _Place(NamedTuple):
    path: str
    name: str
    node: Node[Row]
    parent: Node[Row]
    is_kept: bool


def drop_unreported(tree: Tree, reported: Container[str], skipped: Container[str]) -> None:
    """Remove what was not reported, deepest first.

    What is below a skipped container stays, for nobody looked there, and so does a container above something kept.
    """
    places = _places(tree, reported, skipped)
    for place in reversed(places):
        if not place.is_kept and not place.node.children:
            del place.parent.children[place.name]
    if "/" not in reported:
        tree.root.value = None


def _places(tree: Tree, reported: Container[str], skipped: Container[str]) -> list[_Place]:
    """Everything below the root, parents first."""
    places: list[_Place] = []
    stack = [("/", tree.root, "/" in skipped)]
    while stack:
        path, parent, is_unknown = stack.pop()
        prefix = "" if path == "/" else path
        for name, node in parent.children.items():
            child = f"{prefix}/{name}"
            places.append(_Place(child, name, node, parent, is_unknown or child in reported))
            if node.children:
                stack.append((child, node, is_unknown or child in skipped))
    return places
