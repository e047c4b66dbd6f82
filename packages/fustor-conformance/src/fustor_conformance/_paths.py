"""Paths of rows: which containers one lies in, and what lies in a container."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

__all__ = ["at_or_below", "containers", "is_below"]


def containers(path: str) -> Iterator[str]:
    """The containers of a path, the nearest one first."""
    while path not in ("/", ""):
        path = posixpath.dirname(path)
        yield path


def is_below(path: str, container: str) -> bool:
    """Whether a path lies somewhere below a container."""
    return path != container and path.startswith(f"{container.rstrip('/')}/")


def at_or_below(paths: Iterable[str], top: str) -> list[str]:
    """Those that are this path, or lie below it."""
    return [path for path in paths if path == top or is_below(path, top)]
