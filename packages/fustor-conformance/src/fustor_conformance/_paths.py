"""Paths of rows: which containers one lies in, and what lies in a container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fustor_event_model import parent_of

__all__ = ["at_or_below", "below", "containers", "is_below"]


def containers(path: str) -> Iterator[str]:
    """The containers of a path, the nearest one first: up to `/`, or to no name where the path is not absolute."""
    while path not in ("/", ""):
        path = parent_of(path) if "/" in path else ""
        yield path


def is_below(path: str, container: str) -> bool:
    """Whether a path lies somewhere below a container."""
    return path != container and path.startswith(f"{container.rstrip('/')}/")


def below(paths: Iterable[str], container: str) -> list[str]:
    """Those that lie somewhere below a container."""
    start = f"{container.rstrip('/')}/"
    return [path for path in paths if path.startswith(start) and path != container]


def at_or_below(paths: Iterable[str], top: str) -> list[str]:
    """Those that are this path, or lie below it."""
    return [path for path in paths if path == top or is_below(path, top)]
