"""How directories enter the watched tree, and how what is known of them is compared with what is there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from stat import S_ISDIR, S_ISLNK

from fustor_core.exceptions import DriverError
from fustor_source_fs._files import ARRIVED, GONE, Files
from fustor_source_fs._inotify import watch_limit
from fustor_source_fs._listing import Lister
from fustor_source_fs._live import Live, Pause
from fustor_source_fs._names import text_of
from fustor_source_fs._root import VANISHED, open_child
from fustor_source_fs._rows import UPSERT, Row, row
from fustor_source_fs._scope import followed
from fustor_source_fs._tree import UNWATCHED, Node
from fustor_source_fs._walk import Directory, Step, Walk

__all__ = ["EVERYTHING", "Folders"]

_log = logging.getLogger(__name__)

EVERYTHING = 0.0
"""As `since`: every entry may have changed."""


class Folders:
    """Watches directories before it lists them, always, so that nothing happens unseen in between."""

    def __init__(self, live: Live, files: Files) -> None:
        self._live = live
        self._files = files
        self._lister = Lister(live.scope, live.params.batch_size)
        self._warned = False

    def arm(self) -> None:
        """Watch the whole tree and learn its names; nothing is told, that is the snapshot's.

        Raises:
            DriverError: there are too few watches and the options say not to go on without.
        """
        live = self._live
        start = live.directory_of(live.root)
        start.node = live.root
        for step, directory in Walk(live.scope, start):
            if step is Step.ENTER:
                live.stop.check()
                self._arm_directory(directory)
            elif step is Step.DENIED:
                live.set_listed(self._node_for(directory), directory.failed)
        self.warn_of_unwatched()
        live.publish_gauges()

    def _arm_directory(self, directory: Directory) -> None:
        live = self._live
        node = directory.node if directory.parent is None else self._node_for(directory)
        try:
            live.place(node, live.watch(directory), directory)
        except OSError as error:  # readable when it was opened, and not any more
            live.set_listed(node, error)
            return
        if live.unwatched and live.params.on_watch_limit == "fail":
            raise DriverError(_limit_text(len(live.watches), None))
        names = self._names_of(directory)
        node.set_names(names)
        live.set_listed(node, directory.failed)

    def _names_of(self, directory: Directory) -> list[str]:
        """The names of all but directories, which go to `subdirectories`; no entry is asked for more than its kind."""
        scope, fd = self._live.scope, directory.opened()
        is_plain = scope.accept is None and not scope.follow_symlinks
        names: list[str] = []
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    name = entry.name
                    is_directory = entry.is_dir(follow_symlinks=False)
                    if is_plain:
                        (directory.add if is_directory else names.append)(name)
                        continue
                    if scope.follow_symlinks and entry.is_symlink():
                        is_directory = S_ISDIR(followed(scope, fd, name, entry.stat(follow_symlinks=False)).st_mode)
                    if scope.accept and not scope.accept(directory.prefix + text_of(name), is_directory):
                        continue
                    if is_directory:
                        directory.add(name)
                    else:
                        names.append(name)
        except OSError as error:
            directory.failed = error
        return names

    def _node_for(self, directory: Directory) -> Node:
        """A new node below that of the directory's parent."""
        above = directory.parent.node if directory.parent else directory.notes
        node = Node(above, directory.raw.rpartition("/")[2])
        above.attach(node)
        directory.node = node
        return node

    def warn_of_unwatched(self) -> None:
        """Say once that some directories are polled, how many watches are needed and how to get them."""
        live = self._live
        if live.unwatched and not self._warned:
            self._warned = True
            _log.warning(
                "%s; %d directories are polled every %g s",
                _limit_text(len(live.watches) + len(live.unwatched), watch_limit()),
                len(live.unwatched),
                live.params.poll_interval_sec,
            )

    def adopt(self, node: Node, name: str, *, moved: bool) -> Pause:
        """Take in what is now the directory `name` below `node`, and tell everything in it.

        One that is watched already, under this very path, is left alone, unless it was `moved`: what was known below
        it then belongs to another path.
        """
        live = self._live
        try:
            start = self._open(node, name)
        except VANISHED:  # something else is there by now, or nothing
            live.touch(node, name, ARRIVED)
            return
        except OSError as error:
            self._refused(node, name, error)
            return
        if start is None:
            return
        try:
            yield from self._take_in(node, start, moved=moved)
        finally:
            start.close()

    def _take_in(self, node: Node, start: Directory, *, moved: bool) -> Pause:
        live = self._live
        name = start.raw.rpartition("/")[2]
        existing = node.child(name)
        if existing is not None and existing.listed:
            try:
                watch = live.watch(start)
            except OSError as error:  # readable when it was opened, and not any more
                self._refused(node, name, error)
                return
            if not moved and watch != UNWATCHED and watch == existing.watch and live.watches.is_for(watch, existing):
                return
            yield from live.gone(existing)
            existing = None
        if existing is None:
            live.writer.put(UPSERT, [row(start.path, start.status)])
        yield from self.compare(node, start, EVERYTHING)

    def accepts(self, node: Node, name: str) -> bool:
        """Whether a directory of this name is part of the source."""
        accept = self._live.scope.accept
        return accept is None or accept((node.path if node.parent else "") + "/" + text_of(name), True)

    def _open(self, node: Node, name: str) -> Directory | None:
        live = self._live
        if not self.accepts(node, name):
            return None
        path = (node.path if node.parent else "") + "/" + text_of(name)
        parent = live.open_node(node)
        try:
            fd = open_child(parent, name, within=live.scope.within)
        finally:
            os.close(parent)
        raw = "".join("/" + part for part in (*node.raw_parts(), name))
        return Directory(None, raw, path, fd, os.fstat(fd))

    def _refused(self, node: Node, name: str, error: OSError) -> None:
        """A directory that cannot be read is told and remembered: once it can be, its contents follow."""
        child = node.child(name)
        if child is None:
            child = Node(node, name)
            node.attach(child)
        self._live.set_listed(child, error)
        self._live.touch(node, name, ARRIVED)

    def retry_unlisted(self, below: Node) -> Pause:
        """Read what could not be read, in `below` or deeper."""
        for node in list(self._live.unlisted):
            if node.attached and _is_in(node, below):
                yield from self._read_again(node)

    def _read_again(self, node: Node) -> Pause:
        live = self._live
        try:
            start = live.directory_of(node)
        except OSError:  # still
            return
        yield from self.compare(node.parent, start, EVERYTHING)

    def poll(self, since: float) -> Pause:
        """Compare the directories that have no watch; those that got one meanwhile are compared a last time."""
        live = self._live
        for node, identity in list(live.unwatched.items()):
            if not node.attached:
                continue
            try:
                start = live.directory_of(node)
            except OSError:  # gone: whoever watches or polls its parent tells
                continue
            if start.identity() != identity and node.parent is not None:
                start.close()
                yield from self.adopt(node.parent, node.name, moved=True)
            else:
                yield from self.compare(node.parent, start, since, deep=False)

    def compare(self, above: Node | None, start: Directory, since: float, *, deep: bool = True) -> Pause:
        """Tell how a subtree differs from what is known of it; of a directory not known before, everything.

        An entry known before is told again if its ctime is not below `since`. With `deep` off, directories known
        before are not entered.
        """
        live = self._live
        start.notes = above
        for step, directory in Walk(live.scope, start, above=live.identities_above(above)):
            live.stop.check()
            if step is Step.ENTER:
                yield from self._compare_one(directory, since, deep=deep)
            elif step is Step.DENIED:
                known = directory.parent.node.child(directory.raw.rpartition("/")[2]) if directory.parent else None
                live.set_listed(known or self._node_for(directory), directory.failed)
            elif step is Step.REPLACED and directory.parent is not None:
                live.touch(directory.parent.node, directory.raw.rpartition("/")[2], ARRIVED)
            if live.writer.ready:
                yield
        self.warn_of_unwatched()

    def _compare_one(self, directory: Directory, since: float, *, deep: bool) -> Pause:
        live = self._live
        above = directory.parent.node if directory.parent else directory.notes
        node: Node | None = live.root if above is None else above.child(directory.raw.rpartition("/")[2])
        try:
            watch = live.watch(directory)
        except OSError as error:  # readable when it was opened, and not any more
            directory.node = node or self._node_for(directory)
            live.set_listed(directory.node, error)
            return
        if node is not None and above is not None and not self._is_same(node, watch, directory):
            yield from live.gone(node)
            live.writer.put(UPSERT, [row(directory.path, directory.status)])
            node = None
        fresh = node is None
        if node is None:
            node = self._node_for(directory)
        directory.node = node
        live.place(node, watch, directory)
        if fresh:
            directory.names = []
            for rows in self._lister.chunks(directory):
                live.writer.put(UPSERT, rows)
                if live.writer.ready:
                    yield
            node.set_names(directory.names)
        else:
            yield from self._compare_entries(directory, node, since, deep=deep)
        live.set_listed(node, directory.failed)

    def _is_same(self, node: Node, watch: int, directory: Directory) -> bool:
        """Whether the open directory is the one that the node stood for."""
        if not node.listed:
            return True  # unknown which: compared in full
        if node in self._live.unwatched:
            return self._live.unwatched[node] == directory.identity()
        return watch == node.watch and self._live.watches.is_for(watch, node)

    def _compare_entries(self, directory: Directory, node: Node, since: float, *, deep: bool) -> Pause:
        live = self._live
        known, seen, present = node.names(), set[str](), list[str]()
        rows: list[Row] = []
        for name, status in self._entries(directory):
            child = node.child(name)
            if S_ISDIR(status.st_mode):
                seen.add(name)
                if deep or child is None:
                    directory.add(name)
                is_news = child is None
            else:
                if child is not None:
                    yield from live.gone(child)
                present.append(name)
                is_news = name not in known or status.st_ctime >= since
            if is_news:
                rows.append(row(directory.prefix + text_of(name), status))
            if len(rows) == live.params.batch_size:
                live.writer.put(UPSERT, rows)
                rows = []
                yield
        live.writer.put(UPSERT, rows)
        if directory.failed or os.fstat(directory.opened()).st_nlink == 0:
            return
        node.set_names(present)
        yield from self._tell_missing(node, known.difference(present), seen)

    def _entries(self, directory: Directory) -> Iterator[tuple[str, os.stat_result]]:
        """Name and status of each entry that is part of the source; a directory that cannot be read is `failed`."""
        scope = self._live.scope
        try:
            with os.scandir(directory.opened()) as entries:
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if scope.follow_symlinks and S_ISLNK(status.st_mode):
                        status = followed(scope, directory.opened(), entry.name, status)
                    path = directory.prefix + text_of(entry.name)
                    if scope.accept is None or scope.accept(path, S_ISDIR(status.st_mode)):
                        yield entry.name, status
        except OSError as error:
            directory.failed = error

    def _tell_missing(self, node: Node, names: set[str], directories: set[str]) -> Pause:
        if names:
            yield from self._files.flush_node(node, dict.fromkeys(names, GONE))
        for name, child in list((node.children or {}).items()):
            if name not in directories:
                back = os.path.lexists(self._live.raw_path(child))
                yield from self._live.gone(child)
                if back:
                    yield from self.adopt(node, name, moved=True)


def _is_in(node: Node | None, above: Node) -> bool:
    while node is not None and node is not above:
        node = node.parent
    return node is above


def _limit_text(needed: int, limit: int | None) -> str:
    wanted = max(65536, 1 << (needed * 2).bit_length())
    allowed = (
        f"the limit on inotify watches is {limit}" if limit is not None else "the limit on inotify watches is reached"
    )
    return f"{allowed}, at least {needed} are needed; raise it: sysctl fs.inotify.max_user_watches={wanted}"
