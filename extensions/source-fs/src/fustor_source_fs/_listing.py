"""The entries of an open directory, and the rows that they give.

`entries` is what listing means: names, filters, links, what cannot be read. `kinds` is the same without asking for the
status of anything. `Lister` knows a quick way through a small directory in which nothing is out of the ordinary;
where something is, it gives up before anything was done, and `entries` does it. Most directories of most trees hold no
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
from fustor_source_fs._rows import Row, row_in, rows_of
from fustor_source_fs._scope import Scope, followed
from fustor_source_fs._walk import Directory

__all__ = ["Leaf", "Leaves", "Lister", "entries", "kinds"]

_SMALL_BYTES = 1 << 14
"""Directories of this size or less hold a few hundred entries, sixteen thousand where it is a count of them."""
_LEAF_LINKS = 2
"""A directory's own name and the dot in it; each directory in it adds one, where the file system counts them."""


def entries(
    scope: Scope, directory: Directory[Any], asked: Callable[[str], bool] | None = None
) -> Iterator[tuple[str, str, os.stat_result]]:
    """Name, its text and status of each entry that is part of the source, as the kernel gives them.

    With `asked`, of those alone of whose name's text it is true; the others are not looked at. An entry that vanished
    meanwhile is left out. A directory that cannot be read, or of which an entry cannot, is `failed`; its other entries
    are yielded all the same.
    """
    accept, follow, prefix, fd = scope.accept, scope.follow_symlinks, directory.prefix, directory.opened()
    try:
        with os.scandir(fd) as found:
            for entry in found:
                name = entry.name
                text = name if name.isascii() else text_of(name)
                if asked is not None and not asked(text):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    directory.failed = error
                    continue
                if follow and S_ISLNK(status.st_mode):
                    status = followed(scope, fd, name, status)
                if accept is None or accept(prefix + text, S_ISDIR(status.st_mode)):
                    yield name, text, status
                else:
                    directory.leaves_out = True
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


class Lister:
    """The rows of directories' entries, for a snapshot or an `audit`.

    In an audit, directories have no row here, since theirs goes out after everything below them. `leaves_out_all` once
    something was left out, and as long as nothing but directories is part of the source and each could be read. `note`
    is called with a directory's device and inode and rows of its entries, those of directories included.
    """

    def __init__(self, scope: Scope, limit: int, *, audit: bool = False) -> None:
        self._scope = scope
        self._limit = limit
        self._leaves_out = False
        self._may_hold_file = False
        self.audit = audit
        self.note: Callable[[tuple[int, int], list[Row]], None] = _ignored

    @property
    def leaves_out_all(self) -> bool:
        return self._leaves_out and not self._may_hold_file

    def rows(self, directory: Directory[Any]) -> Iterable[list[Row]]:
        """Rows of an open directory's entries, a bounded number at a time.

        Fills its `subdirectories`; a directory of which something cannot be read is `failed`, as by `entries`.
        """
        if self._scope.is_plain and 0 < directory.status.st_size <= _SMALL_BYTES:
            plain = self._plain(directory.opened(), directory.path, directory.prefix, directory.status)
            if plain is not None:
                rows, directories = plain
                for name in directories:
                    directory.add(name)
                return ([one for one in rows if not one["is_directory"]],) if self.audit and directories else (rows,)
        return self._batches(directory)

    def leaf_rows(self, fd: int, path: str, status: os.stat_result) -> list[Row] | None:
        """The rows of an open directory that holds no directory and fits into one event; None if it does not."""
        plain = self._plain(fd, path, path + "/", status)
        return None if plain is None or plain[1] or len(plain[0]) >= self._limit else plain[0]

    def _plain(self, fd: int, path: str, prefix: str, status: os.stat_result) -> tuple[list[Row], list[str]] | None:
        """The rows of all entries, and the names of those that are directories.

        None unless all names are ASCII, and all entries are still there and can be looked at.
        """
        lstat = os.lstat
        try:
            names = os.listdir(fd)
            if not "".join(names).isascii():
                return None
            found = [(name, lstat(name, dir_fd=fd)) for name in names]
        except OSError:  # `entries` finds out what it is
            return None
        rows = rows_of(found, path, prefix, status.st_mtime if self.audit else None)
        self.note((status.st_dev, status.st_ino), rows)
        return rows, [one["file_name"] for one in rows if one["is_directory"]]

    def _batches(self, directory: Directory[Any]) -> Iterator[list[Row]]:
        parent, prefix, audit, limit = directory.path, directory.prefix, self.audit, self._limit
        parent_mtime = directory.status.st_mtime if audit else None
        rows: list[Row] = []
        for name, text, status in entries(self._scope, directory):
            one = row_in(parent, prefix, text, status, parent_mtime)
            if one["is_directory"]:
                directory.add(name)
                if audit:
                    self.note(directory.identity(), [one])
                    continue
            else:
                self._may_hold_file = True
            rows.append(one)
            if len(rows) >= limit:
                self.note(directory.identity(), rows)
                yield rows
                rows = []
        self._leaves_out = self._leaves_out or directory.leaves_out
        if directory.failed:
            self._may_hold_file = True
        if rows:
            self.note(directory.identity(), rows)
            yield rows


def _ignored(*_: object) -> None:
    """Nobody polls what is listed."""


@dataclass(slots=True)
class Leaf:
    """A directory, its stamps before and (in an audit) after it was listed, and the rows of its entries."""

    name: str
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
        parent, raw, prefix, mounts = directory.opened(), directory.raw, directory.prefix, self._mounts
        device, watch, lister, audit = self._device, self._watch, self._lister, self._lister.audit
        for name in reversed(directory.subdirectories):
            try:
                fd = os.open(name, OPEN_CHILD, dir_fd=parent)
            except OSError:  # visiting it will show why
                rest.append(name)
                continue
            rows = None
            try:
                status = os.fstat(fd)
                if (
                    status.st_nlink == _LEAF_LINKS
                    and 0 < status.st_size <= _SMALL_BYTES
                    and status.st_dev == device
                    and name.isascii()
                    and not (mounts and f"{raw}/{name}" in mounts)
                ):
                    if watch is not None:
                        watch(fd)
                    rows = lister.leaf_rows(fd, prefix + name, status)
                    after = os.fstat(fd) if audit else status
            finally:
                os.close(fd)
            if rows is None:
                rest.append(name)
            else:
                yield Leaf(name, status, after, rows)
        rest.reverse()
        directory.subdirectories = rest
