"""The rows of one directory's entries."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from stat import S_IFDIR, S_IFLNK, S_IFMT

from fustor_source_fs._names import text_of
from fustor_source_fs._rows import Row
from fustor_source_fs._scope import Scope, followed
from fustor_source_fs._walk import Directory

__all__ = ["SMALL_BYTES", "Lister"]

SMALL_BYTES = 1 << 14
"""Directories of this size or less hold a few hundred entries, sixteen thousand where it is a count of them."""


class Lister:
    """Lists open directories for a snapshot, an audit (`audit`) or realtime."""

    def __init__(self, scope: Scope, limit: int, *, audit: bool = False) -> None:
        self._scope = scope
        self._limit = limit
        self._audit = audit
        self._is_plain = scope.accept is None and not scope.follow_symlinks

    def rows(self, directory: Directory) -> Iterable[list[Row]]:
        """The same as `chunks`, faster for a small directory of ordinary names; `names` is not filled."""
        if self._is_plain and 0 < directory.status.st_size <= SMALL_BYTES:
            try:
                names = os.listdir(directory.opened())  # noqa: PTH208 - a descriptor has no path to iterate
            except OSError as error:
                directory.failed = error
                return ()
            if "".join(names).isascii():
                found, limit = self._rows_of(directory, names), self._limit
                if len(found) <= limit:
                    return (found,)
                return [found[start : start + limit] for start in range(0, len(found), limit)]
        return self.chunks(directory)

    def _rows_of(self, directory: Directory, names: list[str]) -> list[Row]:
        audit, parent, prefix = self._audit, directory.path, directory.prefix
        fd, parent_mtime, lstat = directory.opened(), directory.status.st_mtime, os.lstat
        rows: list[Row] = []
        for name in names:
            try:
                status = lstat(name, dir_fd=fd)
            except FileNotFoundError:
                continue
            except OSError as error:
                directory.failed = error
                continue
            is_directory = status.st_mode & 0o170000 == S_IFDIR
            if is_directory:
                directory.add(name)
                if audit:
                    continue
            mtime = status.st_mtime
            row: Row = {
                "path": prefix + name,
                "file_name": name,
                "parent_path": parent,
                "mtime": mtime,
                "modified_time": mtime,
                "size": status.st_size,
                "is_directory": is_directory,
            }
            if audit:
                row["parent_mtime"] = parent_mtime
            rows.append(row)
        return rows

    def chunks(self, directory: Directory) -> Iterator[list[Row]]:  # noqa: C901 - the hot loop: a call costs a tenth
        """Rows of the entries, at most `limit` at a time, as the kernel gives them.

        Fills `subdirectories`, and `names` where that is a list. In an audit directories give no row here, since
        theirs goes out after everything below them, and rows carry `parent_mtime`. A directory of which an entry
        could not be read is `failed`. An entry that vanished meanwhile is left out.
        """
        audit, limit, parent, prefix = self._audit, self._limit, directory.path, directory.prefix
        accept, follow = self._scope.accept, self._scope.follow_symlinks
        fd, parent_mtime = directory.opened(), directory.status.st_mtime
        names = directory.names
        rows: list[Row] = []
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    except OSError as error:
                        directory.failed = error
                        continue
                    name = entry.name
                    text = name if name.isascii() else text_of(name)
                    kind = status.st_mode & 0o170000
                    if follow and kind == S_IFLNK:
                        status = followed(self._scope, fd, name, status)
                        kind = S_IFMT(status.st_mode)
                    is_directory = kind == S_IFDIR
                    if accept is not None and not accept(prefix + text, is_directory):
                        continue
                    if is_directory:
                        directory.add(name)
                        if audit:
                            continue
                    elif names is not None:
                        names.append(name)
                    mtime = status.st_mtime
                    row: Row = {
                        "path": prefix + text,
                        "file_name": text,
                        "parent_path": parent,
                        "mtime": mtime,
                        "modified_time": mtime,
                        "size": status.st_size,
                        "is_directory": is_directory,
                    }
                    if audit:
                        row["parent_mtime"] = parent_mtime
                    rows.append(row)
                    if len(rows) >= limit:
                        yield rows
                        rows = []
        except OSError as error:
            directory.failed = error
        if rows:
            yield rows
