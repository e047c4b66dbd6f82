"""From a path, as rows have it, to what is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from stat import S_ISDIR, S_ISLNK
from typing import Self

from fustor_source_fs._entry import enter
from fustor_source_fs._names import name_of, text_of
from fustor_source_fs._root import open_chain, open_child
from fustor_source_fs._scope import Scope, followed
from fustor_source_fs._walk import Directory

__all__ = ["Place", "Places", "entered"]


@dataclass(frozen=True)
class Place:
    """An entry of the source. `raw` is its path for the operating system below the root, "" for the root itself.

    `above` are device and inode of the directories that hold it. It `is_closed` where the options say not to enter it.
    """

    path: str
    raw: str
    status: os.stat_result
    above: tuple[tuple[int, int], ...] = ()
    is_closed: bool = False

    @property
    def is_directory(self) -> bool:
        return S_ISDIR(self.status.st_mode)

    @property
    def is_in_itself(self) -> bool:
        """Whether a link or a mount leads back to a directory above."""
        return (self.status.st_dev, self.status.st_ino) in self.above

    @property
    def name(self) -> str:
        """The last name of `raw`."""
        return self.raw.rpartition("/")[2]


def entered(scope: Scope, place: Place) -> Directory[None]:
    """The directory at a place, open.

    Raises:
        OSError: it is gone, or cannot be entered.
    """
    fd = open_chain(scope.root.open(), place.raw.split("/")[1:], within=scope.within)
    return Directory(None, place.raw, place.path, fd, os.fstat(fd))


class Places:
    """Finds what is at paths, as the listing of every directory on the way would show it."""

    def __init__(self, scope: Scope, root: int) -> None:
        self._scope = scope
        self._root = root
        self._start = Place("/", "", os.fstat(root))
        self._closed = scope.closed()

    @classmethod
    @contextmanager
    def of(cls, scope: Scope) -> Iterator[Self]:
        """For as long as the root is held open.

        Raises:
            DriverError: the root cannot be read.
        """
        root = enter(scope)
        try:
            yield cls(scope, root)
        finally:
            os.close(root)

    def find(self, path: str) -> Place | None:
        """What is at this path; None where nothing is that belongs to the source, or nothing can be looked at."""
        try:
            names = [name_of(part) for part in path.split("/") if part]
            return None if {".", ".."} & set(names) else self._follow(names)
        except (OSError, ValueError):  # gone, not to be entered, or what cannot be a name
            return None

    def _follow(self, names: list[str]) -> Place | None:
        place, fd = self._start, os.dup(self._root)
        try:
            for name in names:
                if place.raw:
                    if not place.is_directory or place.is_closed:
                        return None
                    child = open_child(fd, place.name, within=self._scope.within)
                    os.close(fd)
                    fd = child
                found = self._entry(fd, place, name)
                if found is None:
                    return None
                place = found
        finally:
            os.close(fd)
        return place

    def _entry(self, fd: int, above: Place, name: str) -> Place | None:
        scope = self._scope
        status = os.lstat(name, dir_fd=fd)
        if scope.follow_symlinks and S_ISLNK(status.st_mode):
            status = followed(scope, fd, name, status)
        path, raw = f"{above.path.rstrip('/')}/{text_of(name)}", f"{above.raw}/{name}"
        is_directory = S_ISDIR(status.st_mode)
        if not scope.admits(path, is_directory=is_directory):
            return None
        is_elsewhere = scope.one_file_system and status.st_dev != self._start.status.st_dev
        holders = (*above.above, (above.status.st_dev, above.status.st_ino))
        return Place(path, raw, status, holders, is_directory and (is_elsewhere or raw in self._closed))
