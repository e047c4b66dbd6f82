"""The entries of an open directory, and the rows that they give.

`entries` is what listing means: names, filters, links, what cannot be read. `kinds` is the same without asking for the
status of anything. `_plain` is the quick way through a small directory in which nothing is out of the ordinary; where
something is, it gives up before anything was done, and `entries` does it. Most directories of most trees hold no
directory: `Leaves` reads those in one loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from stat import S_ISDIR, S_ISLNK
from typing import Any

from fustor_source_fs._names import text_of
from fustor_source_fs._root import OPEN_CHILD
from fustor_source_fs._rows import Row, rows_of
from fustor_source_fs._scope import Scope, followed
from fustor_source_fs._walk import Directory

__all__ = ["Leaf", "Leaves", "Lister", "entries", "kinds"]

_SMALL_BYTES = 1 << 14
"""Directories of this size or less hold a few hundred entries, sixteen thousand where it is a count of them."""
_LEAF_LINKS = 2
"""A directory's own name and the dot in it; each directory in it adds one, where the file system counts them."""


def entries(scope: Scope, directory: Directory[Any]) -> Iterator[tuple[str, str, os.stat_result]]:
    """Name, its text and status of each entry that is part of the source, as the kernel gives them.

    An entry that vanished meanwhile is left out. A directory that cannot be read, or of which an entry cannot, is
    `failed`; its other entries are yielded all the same.
    """
    accept, follow, prefix, fd = scope.accept, scope.follow_symlinks, directory.prefix, directory.opened()
    try:
        with os.scandir(fd) as found:
            for entry in found:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    directory.failed = error
                    continue
                name = entry.name
                text = name if name.isascii() else text_of(name)
                if follow and S_ISLNK(status.st_mode):
                    status = followed(scope, fd, name, status)
                if accept is None or accept(prefix + text, S_ISDIR(status.st_mode)):
                    yield name, text, status
    except OSError as error:
        directory.failed = error


def kinds(scope: Scope, fd: int, prefix: str) -> Iterator[tuple[str, bool]]:
    """Name of each entry of an open directory that is part of the source, and whether it is a directory.

    Raises:
        OSError: the directory cannot be read.
    """
    is_plain = scope.is_plain
    with os.scandir(fd) as found:
        for entry in found:
            name, is_directory = entry.name, entry.is_dir(follow_symlinks=False)
            if is_plain:
                yield name, is_directory
                continue
            if scope.follow_symlinks and entry.is_symlink():
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                is_directory = S_ISDIR(followed(scope, fd, name, status).st_mode)
            if scope.admits(prefix + text_of(name), is_directory=is_directory):
                yield name, is_directory


def _plain(fd: int) -> list[tuple[str, os.stat_result]] | None:
    """Name and status of each entry; None unless all names are ASCII and all entries can be looked at."""
    lstat, found = os.lstat, []
    try:
        names = os.listdir(fd)
        if not "".join(names).isascii():
            return None
        for name in names:
            try:
                found.append((name, lstat(name, dir_fd=fd)))
            except FileNotFoundError:
                continue
    except OSError:  # `entries` finds out what it is
        return None
    return found


class Lister:
    """The rows of directories' entries, for a snapshot or an `audit`.

    In an audit, directories have no row here, since theirs goes out after everything below them.
    """

    def __init__(self, scope: Scope, limit: int, *, audit: bool = False) -> None:
        self._scope = scope
        self._limit = limit
        self.audit = audit

    def rows(self, directory: Directory[Any]) -> Iterable[list[Row]]:
        """Rows of an open directory's entries, a bounded number at a time.

        Fills its `subdirectories`; a directory of which something cannot be read is `failed`, as by `entries`.
        """
        if self._scope.is_plain and 0 < directory.status.st_size <= _SMALL_BYTES:
            rows = self._plain_rows(directory.opened(), directory.path, directory.prefix, directory.status)
            if rows is not None:
                return (self._without_directories(rows, directory),)
        return self._batches(directory)

    def leaf_rows(self, fd: int, path: str, status: os.stat_result) -> list[Row] | None:
        """The rows of an open directory that holds no directory and fits into one event; None if it does not."""
        rows = self._plain_rows(fd, path, path + "/", status)
        if rows is None or len(rows) >= self._limit or any(one["is_directory"] for one in rows):
            return None
        return rows

    def _plain_rows(self, fd: int, path: str, prefix: str, status: os.stat_result) -> list[Row] | None:
        found = _plain(fd)
        return None if found is None else rows_of(found, path, prefix, status.st_mtime if self.audit else None)

    def _without_directories(self, rows: list[Row], directory: Directory[Any]) -> list[Row]:
        names = [one["file_name"] for one in rows if one["is_directory"]]
        for name in names:
            directory.add(name)
        return [one for one in rows if not one["is_directory"]] if self.audit and names else rows

    def _batches(self, directory: Directory[Any]) -> Iterator[list[Row]]:
        parent, prefix, audit, limit = directory.path, directory.prefix, self.audit, self._limit
        parent_mtime = directory.status.st_mtime if audit else None
        batch: list[tuple[str, os.stat_result]] = []
        for name, text, status in entries(self._scope, directory):
            if S_ISDIR(status.st_mode):
                directory.add(name)
                if audit:
                    continue
            batch.append((text, status))
            if len(batch) >= limit:
                yield rows_of(batch, parent, prefix, parent_mtime)
                batch = []
        if batch:
            yield rows_of(batch, parent, prefix, parent_mtime)


@dataclass(slots=True)
class Leaf:
    """A directory, its stamps before and (in an audit) after it was listed, and the rows of its entries."""

    path: str
    status: os.stat_result
    after: os.stat_result
    rows: list[Row]


class Leaves:
    """Reads the leaves among a directory's subdirectories, at two thirds of what visiting each costs.

    `watch` is called with the descriptor of each directory before it is listed.
    """

    def __init__(
        self, scope: Scope, start: Directory[Any], lister: Lister, watch: Callable[[int], None] | None
    ) -> None:
        self._works = scope.accept is None and not scope.shares_directories
        self._device = start.status.st_dev
        self._mounts = scope.root.mount_points() if self._works else frozenset[str]()
        self._lister = lister
        self._watch = watch

    def of(self, directory: Directory[Any]) -> Iterator[Leaf]:
        """The leaves right below an open directory that was listed; the others stay in its `subdirectories`.

        So does whatever is not an ordinary case: large, not plain text, not to be entered, not readable.
        """
        if not self._works or directory.status.st_nlink <= _LEAF_LINKS or directory.failed:
            return
        rest: list[str] = []
        for name in reversed(directory.subdirectories):
            leaf = self._read(directory, name)
            if leaf is None:
                rest.append(name)
            else:
                yield leaf
        rest.reverse()
        directory.subdirectories = rest

    def _read(self, directory: Directory[Any], name: str) -> Leaf | None:
        try:
            fd = os.open(name, OPEN_CHILD, dir_fd=directory.opened())
        except OSError:  # visiting it will tell
            return None
        try:
            status = os.fstat(fd)
            if (
                status.st_nlink != _LEAF_LINKS
                or not 0 < status.st_size <= _SMALL_BYTES
                or status.st_dev != self._device
                or not name.isascii()
                or f"{directory.raw}/{name}" in self._mounts
            ):
                return None
            if self._watch is not None:
                self._watch(fd)
            path = directory.prefix + name
            rows = self._lister.leaf_rows(fd, path, status)
            if rows is None:
                return None
            return Leaf(path, status, os.fstat(fd) if self._lister.audit else status, rows)
        finally:
            os.close(fd)
