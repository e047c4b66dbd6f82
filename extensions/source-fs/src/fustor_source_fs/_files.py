"""From "something happened to this name" to the row of its present state."""

from __future__ import annotations

import heapq
import os
import time
from itertools import count
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TypeAlias

from fustor_source_fs._inotify import Mask
from fustor_source_fs._live import Live, Work
from fustor_source_fs._names import text_of
from fustor_source_fs._root import VANISHED
from fustor_source_fs._rows import DELETE, SUSPECT, UPSERT, Shape, Status, gone_now, rows_of
from fustor_source_fs._scope import followed
from fustor_source_fs._tree import Node

__all__ = ["ARRIVED", "DUE", "GONE", "Files", "flags_after"]

GONE, CREATED, WRITTEN, CLOSED, ARRIVED, CHANGED, DUE = 1, 2, 4, 8, 16, 32, 64

_NOW = CLOSED | ARRIVED | DUE
_SETTLED = GONE | CLOSED | ARRIVED
"""Ends what was known of a file that was being written: it was closed, or another one has its name, or none."""

_Entry: TypeAlias = tuple[str, Status]
_SortedOut: TypeAlias = tuple[tuple[Shape, list[_Entry]], ...]


def flags_after(flags: int, mask: int) -> int:
    """What is known of an entry after one more kernel event; what another file of its name went through is left out."""
    if mask & (Mask.DELETE | Mask.MOVED_FROM):
        return GONE
    if mask & Mask.CREATE:
        flags |= CREATED
    if mask & Mask.MODIFY:
        flags = flags & ~CLOSED | WRITTEN
    if mask & Mask.CLOSE_WRITE:
        flags = flags & ~WRITTEN | CLOSED
    if mask & Mask.MOVED_TO:
        flags = flags & GONE | ARRIVED
    if mask & Mask.ATTRIB:
        flags |= CHANGED
    return flags


class Files:
    """Makes rows of touched names, and holds those of files that are still being written."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._held: dict[tuple[Node, str], tuple[float, int]] = {}
        self._due: list[tuple[float, int, Node, str]] = []
        self._order = count()
        self.linked: list[tuple[Node, str]] = []

    def next_due(self) -> float | None:
        """When (monotonic) the next held file is to be reported."""
        return self._due[0][0] if self._due else None

    def release_due(self) -> None:
        """Touch the held files whose time has come, but for what was read of them since and settles it."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            due, _, node, name = heapq.heappop(self._due)
            held = self._held.get((node, name))
            if held is None or held[0] != due:
                continue
            del self._held[node, name]
            if node.attached and not self._live.touched.get(node, {}).get(name, 0) & _SETTLED:
                self._live.touch(node, name, held[1] | DUE)

    def forget_open(self) -> None:
        """Take for closed what was being written: events were lost, and closes may have been among them."""
        self._held = {key: (due, flags & ~WRITTEN) for key, (due, flags) in self._held.items()}
        suspects, self._live.suspects = self._live.suspects, {}
        for node, names in suspects.items():
            for name in names:
                self._live.touch(node, name, ARRIVED)

    def flush(self) -> Work:
        """Make the rows of everything touched: first what is gone, then what is there, as it is now."""
        touched, self._live.touched = self._live.touched, {}
        for node, names in touched.items():
            if node.attached:
                yield from self.flush_node(node, names)

    def flush_node(self, node: Node, names: dict[str, int]) -> Work:
        """Make the rows of some names of one directory."""
        live = self._live
        live.stop.check()
        fd: int | None = None
        try:
            fd = live.open_node(node)
        except VANISHED:  # on the move: what is gone is gone, the rest comes with a later event
            pass
        except OSError as error:
            live.set_listed(node, error)
        path, prefix = node.path, node.prefix
        try:
            sorted_out = self._sort_out(node, prefix, fd, names)
        finally:
            if fd is not None:
                os.close(fd)
        for shape, entries in sorted_out:
            rows = rows_of(entries, path, prefix)
            if shape is SUSPECT:
                for one in rows:
                    one["is_atomic_write"] = False
            yield from live.writer.put(shape, rows)

    def _sort_out(self, node: Node, prefix: str, fd: int | None, names: dict[str, int]) -> _SortedOut:
        """The entries that have a row now, by the shape of that row, in the order in which they are to be sent."""
        deleted, upserts, suspects = list[_Entry](), list[_Entry](), list[_Entry]()
        admits = self._live.scope.admits
        for name, flags in names.items():
            text = text_of(name)
            status = self._status(node, fd, name)
            if flags & _SETTLED:
                self._held.pop((node, name), None)
            if status is None:
                if flags & GONE and admits(prefix + text, is_directory=False):
                    node.drop_name(name)
                    deleted.append((text, gone_now(is_directory=False)))
                continue
            is_directory = S_ISDIR(status.st_mode)
            if not admits(prefix + text, is_directory=is_directory) or self._hold(node, name, flags, status):
                continue
            if not is_directory:
                node.add_name(name)
            is_suspect = bool(flags & WRITTEN) and S_ISREG(status.st_mode)
            if is_suspect or self._live.suspects:
                self._live.note_suspect(node, name, is_suspect=is_suspect)
            (suspects if is_suspect else upserts).append((text, status))
        return (DELETE, deleted), (UPSERT, upserts), (SUSPECT, suspects)

    def _status(self, node: Node, fd: int | None, name: str) -> os.stat_result | None:
        if fd is None:
            return None
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except VANISHED:
            return None
        except OSError as error:
            self._live.set_listed(node, error)
            return None
        if S_ISLNK(status.st_mode) and self._live.scope.follow_symlinks:
            status = followed(self._live.scope, fd, name, status)
            if S_ISDIR(status.st_mode):
                self.linked.append((node, name))
        return status

    def _hold(self, node: Node, name: str, flags: int, status: os.stat_result) -> bool:
        """Whether to hold back the row of a file that is being written or was just created."""
        if flags & _NOW or not S_ISREG(status.st_mode):
            return False
        held = self._held.get((node, name))
        if flags & WRITTEN or (flags & CREATED and status.st_nlink == 1):
            params = self._live.params
            delay = params.settle_sec if flags & CREATED else params.open_file_interval_sec
            due, before = held or (time.monotonic() + delay, 0)
            self._held[node, name] = (due, before | flags)
            if held is None:
                heapq.heappush(self._due, (due, next(self._order), node, name))
            return True
        return held is not None and bool(flags & CHANGED)
