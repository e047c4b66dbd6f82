"""What a realtime stream knows, and how a directory leaves it."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

from fustor_core.exceptions import DriverError
from fustor_event_model import MessageSource
from fustor_source_fs._inotify import Mask, Watcher, WatchLimitError
from fustor_source_fs._listed import Listed
from fustor_source_fs._names import text_of
from fustor_source_fs._root import is_same_or_closed, open_chain
from fustor_source_fs._rows import DELETE, EventWriter, Finished, gone_now, row, rows_of
from fustor_source_fs._running import Counters, Stop
from fustor_source_fs._scope import Scope
from fustor_source_fs._tree import UNWATCHED, Node, Watches
from fustor_source_fs._walk import Directory
from fustor_source_fs.config import FsParams

__all__ = ["Live", "RootLostError", "Work"]

Work: TypeAlias = Iterator[Finished]
"""A step of work that may take long: it yields every event that is finished on the way."""

_ORPHAN_SEC = 1.0


class RootLostError(Exception):
    """The root is not where it was."""


class Live:
    """The state of one stream. Everything here runs in the thread of the host that reads it."""

    def __init__(self, scope: Scope, params: FsParams, counters: Counters, stop: Stop) -> None:
        self.scope = scope
        self.params = params
        self.counters = counters
        self.stop = stop
        self.watcher = Watcher(params.queue_bytes)
        self.watches = Watches(shared=scope.shares_directories)
        self.writer = EventWriter(MessageSource.REALTIME, params.batch_size)
        self.root = Node(None, "")
        self.root_identity: tuple[int, int] | None = None
        self.touched: dict[Node, dict[str, int]] = {}
        self.unwatched: dict[Node, tuple[int, int]] = {}
        self.unlisted: dict[Node, None] = {}
        self.suspects: dict[Node, set[str]] = {}
        self.orphans: dict[int, float] = {}
        self.visitors = 0
        self.listed = Listed()

    def open_root(self) -> int:
        """A descriptor of the root, known to be the one that is watched.

        Raises:
            RootLostError: it is not.
        """
        try:
            fd = self.scope.root.open()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise DriverError("Too many files are open; raise the limit on open files (ulimit -n)") from error
            raise RootLostError from error
        if not is_same_or_closed(fd, self.root_identity):
            raise RootLostError
        return fd

    def open_node(self, node: Node) -> int:
        """A descriptor of what is now at the directory's path, reached without following links.

        Raises:
            OSError: nothing is, or it cannot be entered.
        """
        return open_chain(self.open_root(), node.raw_parts(), within=self.scope.within)

    def directory_of(self, node: Node) -> Directory[Node]:
        """The directory that is now at the node's path, open. Raises as `open_node` does."""
        fd = self.open_node(node)
        return Directory(None, "".join("/" + part for part in node.raw_parts()), node.path, fd, os.fstat(fd))

    def identities_above(self, node: Node | None) -> frozenset[tuple[int, int]]:
        """Device and inode of a directory and all above it, where loops are possible at all."""
        if not self.scope.shares_directories:
            return frozenset()
        found = set()
        while node is not None:
            try:
                status = os.stat(self.raw_path(node) or "/")  # noqa: PTH116 - raw names
            except OSError:  # on the move: its event will follow
                break
            found.add((status.st_dev, status.st_ino))
            node = node.parent
        return frozenset(found)

    def raw_path(self, node: Node) -> str:
        return self.scope.root.path + "".join("/" + part for part in node.raw_parts())

    def touch(self, node: Node, name: str, flags: int) -> None:
        """Note that an entry needs a look."""
        names = self.touched.setdefault(node, {})
        names[name] = names.get(name, 0) | flags

    def note_suspect(self, node: Node, name: str, *, is_suspect: bool) -> None:
        """Note whether the last row of a file says that it is still being written."""
        if is_suspect:
            self.suspects.setdefault(node, set()).add(name)
        elif (names := self.suspects.get(node)) is not None:
            names.discard(name)
            if not names:
                del self.suspects[node]

    def watch(self, directory: Directory[Any]) -> int:
        """Watch an open directory; `UNWATCHED` where the kernel has no watch left.

        Raises:
            OSError: it became unreadable since it was opened.
            RootLostError: the same of the root.
        """
        is_root = directory.path == "/"
        try:
            watch = self.watcher.add(directory.opened(), Mask.ROOT if is_root else Mask.ENTRIES)
        except WatchLimitError:
            return UNWATCHED
        except OSError as error:
            self.stop.check()
            if is_root:
                raise RootLostError from error
            raise
        self.orphans.pop(watch, None)
        return watch

    def place(self, node: Node, watch: int, directory: Directory[Any]) -> None:
        """Let a watch stand for a node, or note that the node has none."""
        if watch == UNWATCHED:
            node.watch = UNWATCHED
            self.unwatched[node] = directory.identity()
            self.listed.add_unwatched(directory.identity())
        else:
            self.watches.set(watch, node)
            self.unwatched.pop(node, None)

    def set_listed(self, node: Node, error: OSError | None) -> None:
        """Note whether a directory's entries could be read."""
        node.listed = error is None
        if error is None:
            self.unlisted.pop(node, None)
        elif node not in self.unlisted:
            self.unlisted[node] = None
            self.counters.report_unlisted(node.path, error)

    def gone(self, node: Node) -> Work:
        """Report that a directory went away, with everything known below it, deepest first, and forget it.

        Where something has its path again, what exists again below is left out; the directory's own row is sent all
        the same, since another phase may have reported what this stream never saw.
        """
        back = os.path.lexists(self.raw_path(node))
        for below in node.below():
            self.stop.check()
            yield from self._report_gone(below, back=back, with_itself=below is not node)
            self._forget(below)
        yield from self.writer.put(DELETE, [row(node.path, gone_now(is_directory=True))])
        if node.parent is not None:
            node.parent.detach(node.name)

    def _report_gone(self, node: Node, *, back: bool, with_itself: bool) -> Work:
        path, raw = node.path, self.raw_path(node)
        gone = gone_now(is_directory=False)
        files = ((text_of(name), gone) for name in node.names() if not (back and os.path.lexists(f"{raw}/{name}")))
        while some := list(islice(files, self.params.batch_size)):
            yield from self.writer.put(DELETE, rows_of(some, path, node.prefix))
        if with_itself and not (back and os.path.lexists(raw)):
            yield from self.writer.put(DELETE, [row(path, gone_now(is_directory=True))])

    def _forget(self, node: Node) -> None:
        node.attached = False
        self.touched.pop(node, None)
        self.unwatched.pop(node, None)
        self.unlisted.pop(node, None)
        self.suspects.pop(node, None)
        if self.watches.drop(node):
            self.orphans[node.watch] = time.monotonic() + _ORPHAN_SEC

    def drop_orphans(self) -> None:
        """Give back the watches of directories that left the tree and did not turn up elsewhere in it.

        Not while a snapshot relies on them, nor before all events are handled that it may have read ahead of.
        """
        now = time.monotonic()
        while self.orphans and not self.visitors and not self.watcher.queued_bytes:
            watch, due = next(iter(self.orphans.items()))
            if due > now:
                return
            del self.orphans[watch]
            if watch not in self.watches:
                self.watcher.remove(watch)

    def note_stranger(self, watch: int) -> None:
        """An event of a watch that stands for no directory of the tree: set for a visitor, or given up already."""
        self.orphans.setdefault(watch, time.monotonic() + _ORPHAN_SEC)

    def publish_gauges(self) -> None:
        self.counters.watched_directories = len(self.watches)
        self.counters.unwatched_directories = len(self.unwatched)
        self.counters.unreadable_directories = len(self.unlisted)
        self.counters.queued_bytes = self.watcher.queued_bytes
