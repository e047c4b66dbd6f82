"""Which entries are part of the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pathspec import GitIgnoreSpec

__all__ = ["Accept", "acceptor"]

Accept: TypeAlias = Callable[[str, bool], bool]


def acceptor(include: tuple[str, ...], exclude: tuple[str, ...]) -> Accept | None:
    """A function of an entry's path and of whether it is a directory, or None where everything is accepted.

    It judges one entry: nothing below a rejected directory is ever asked about, as in git. Directories are rejected by
    `exclude` only, since what `include` asks for may lie anywhere below them.
    """
    if not include and not exclude:
        return None
    excluded = GitIgnoreSpec.from_lines(exclude)
    included = GitIgnoreSpec.from_lines(include) if include else None

    def accept(path: str, is_directory: bool) -> bool:
        relative = path[1:] + "/" if is_directory else path[1:]
        if excluded.match_file(relative):
            return False
        return is_directory or included is None or included.match_file(relative)

    return accept
