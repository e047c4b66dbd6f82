"""Directories that hold no directory, read in one loop: most directories of most trees are such leaves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from stat import S_IFDIR

from fustor_source_fs._listing import SMALL_BYTES
from fustor_source_fs._root import OPEN_CHILD
from fustor_source_fs._rows import Row
from fustor_source_fs._scope import Scope
from fustor_source_fs._walk import Directory

__all__ = ["Leaf", "Leaves"]

_LEAF_LINKS = 2
"""A directory's own name and the dot in it; each directory in it adds one, where the file system counts them."""


@dataclass(slots=True)
class Leaf:
    """A directory, its stamps before and (in an audit) after it was listed, and the rows of its entries."""

    path: str
    name: str
    status: os.stat_result
    after: os.stat_result
    rows: list[Row]


class Leaves:
    """Reads the leaves among a directory's subdirectories, at two thirds of what visiting each costs.

    `watch` is called with the descriptor of each directory before it is listed.
    """

    def __init__(
        self, scope: Scope, start: Directory, limit: int, *, watch: Callable[[int], None] | None, audit: bool = False
    ) -> None:
        self._works = scope.accept is None and not scope.shares_directories
        self._device = start.status.st_dev
        self._mounts = scope.root.mount_points() if self._works else frozenset[str]()
        self._limit = limit
        self._watch = watch
        self._audit = audit

    def of(self, directory: Directory) -> Iterator[Leaf]:
        """The leaves right below an open directory that was listed; the others stay in its `subdirectories`.

        So does whatever is not an ordinary case: large, not plain text, not to be entered, not readable.
        """
        if not self._works or directory.status.st_nlink <= _LEAF_LINKS or directory.failed:
            return
        rest: list[str] = []
        parent, raw, prefix, mounts = directory.opened(), directory.raw, directory.prefix, self._mounts
        for name in reversed(directory.subdirectories):
            try:
                fd = os.open(name, OPEN_CHILD, dir_fd=parent)
            except OSError:
                rest.append(name)
                continue
            try:
                status = os.fstat(fd)
                if (
                    status.st_nlink != _LEAF_LINKS
                    or not 0 < status.st_size <= SMALL_BYTES
                    or status.st_dev != self._device
                    or f"{raw}/{name}" in mounts
                    or not name.isascii()
                ):
                    rest.append(name)
                    continue
                path = prefix + name
                rows = self._rows(fd, path, status)
                after = os.fstat(fd) if self._audit else status
            finally:
                os.close(fd)
            if rows is None:
                rest.append(name)
            else:
                yield Leaf(path, name, status, after, rows)
        rest.reverse()
        directory.subdirectories = rest

    def _rows(self, fd: int, parent: str, above: os.stat_result) -> list[Row] | None:
        """The rows of a leaf's entries; None if it is no ordinary one, and nothing was done then."""
        if self._watch is not None:
            self._watch(fd)
        audit, parent_mtime, prefix, lstat = self._audit, above.st_mtime, parent + "/", os.lstat
        rows: list[Row] = []
        try:
            names = os.listdir(fd)
            if len(names) >= self._limit or not "".join(names).isascii():
                return None
            for name in names:
                try:
                    status = lstat(name, dir_fd=fd)
                except FileNotFoundError:
                    continue
                if status.st_mode & 0o170000 == S_IFDIR:
                    return None
                mtime = status.st_mtime
                row: Row = {
                    "path": prefix + name,
                    "file_name": name,
                    "parent_path": parent,
                    "mtime": mtime,
                    "modified_time": mtime,
                    "size": status.st_size,
                    "is_directory": False,
                }
                if audit:
                    row["parent_mtime"] = parent_mtime
                rows.append(row)
        except OSError:
            return None
        return rows
