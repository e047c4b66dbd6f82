"""What belongs to the source: which entries are part of it, and which links are followed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeAlias

from pathspec import GitIgnoreSpec

from fustor_source_fs._root import Root, place_of
from fustor_source_fs.config import FsParams

__all__ = ["Accept", "Scope", "acceptor", "followed"]

Accept: TypeAlias = Callable[[str, bool], bool]

_LOOK = os.O_PATH | os.O_CLOEXEC if hasattr(os, "O_PATH") else None
"""Opens nothing: no pipe waits and no device stirs. Only on Linux, as is the path of a descriptor."""


@dataclass(frozen=True)
class Scope:
    """What belongs to the source: everything below `root` that the options admit."""

    root: Root
    accept: Accept | None
    one_file_system: bool
    follow_symlinks: bool
    allow_empty_root: bool = False

    @property
    def within(self) -> Root | None:
        """Where links are followed: what they may not lead out of."""
        return self.root if self.follow_symlinks else None

    @classmethod
    def of(cls, path: str, params: FsParams) -> Self:
        """What belongs to a source at this absolute path. A root that is a link is meant as what it leads to."""
        return cls(
            Root(os.path.realpath(path)),
            acceptor(params.include, params.exclude),
            params.one_file_system,
            params.follow_symlinks,
            params.allow_empty_root,
        )

    @property
    def is_plain(self) -> bool:
        """Whether every entry is part of the source, and no link is followed."""
        return self.accept is None and not self.follow_symlinks

    def admits(self, path: str, *, is_directory: bool) -> bool:
        """Whether an entry in a directory of the source is part of it."""
        return self.accept is None or self.accept(path, is_directory)

    def closed(self) -> frozenset[str]:
        """Directories that are not to be entered now, as paths that begin at the root: mounts, or where one is gone."""
        return self.root.mount_points() if self.one_file_system else self.root.lost_mounts()

    @property
    def shares_directories(self) -> bool:
        """Whether one directory may be reached by two paths, so that loops are possible."""
        return self.follow_symlinks or not self.one_file_system


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


def followed(scope: Scope, fd: int, name: str, status: os.stat_result) -> os.stat_result:
    """The status of what a link in the directory `fd` leads to, or of the link where it is not to be followed.

    It is followed to what lies below the root, unless that is a directory that holds the link. The link is followed
    once, and what it led to then is what is judged: it may lead elsewhere a moment later.
    """
    if _LOOK is None:
        return status
    try:
        target = os.open(name, _LOOK, dir_fd=fd)
    except OSError:  # dangling, or a loop of links
        return status
    try:
        here, there = place_of(fd), place_of(target)
        if not there.startswith(scope.root.path + "/") or f"{here}/".startswith(there + "/"):
            return status
        return os.fstat(target)
    finally:
        os.close(target)
