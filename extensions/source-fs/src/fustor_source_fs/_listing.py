"""The rows of one directory's entries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_IFDIR, S_IFLNK, S_IFMT

from fustor_source_fs._names import text_of
from fustor_source_fs._root import Scope
from fustor_source_fs._rows import Row
from fustor_source_fs._walk import Directory

__all__ = ["Lister", "followed"]


class Lister:
    """Lists open directories for a snapshot, an audit (`audit`) or realtime."""

    def __init__(self, scope: Scope, limit: int, *, audit: bool = False) -> None:
        self._scope = scope
        self._limit = limit
        self._audit = audit

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


def followed(scope: Scope, fd: int, name: str, status: os.stat_result) -> os.stat_result:
    """The status of what a link in the directory `fd` leads to, or of the link where it is not to be followed.

    It is followed to what lies below the root, unless that is a directory that holds the link.
    """
    here = os.path.realpath(f"/proc/self/fd/{fd}")
    target = os.path.realpath(os.path.join(here, name))  # noqa: PTH118 - raw names
    if not target.startswith(scope.root.path + "/") or f"{here}/".startswith(target + "/"):
        return status
    try:
        return os.stat(name, dir_fd=fd)
    except OSError:  # dangling, or a loop of links
        return status
