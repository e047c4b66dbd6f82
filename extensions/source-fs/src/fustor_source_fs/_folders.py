"""How directories enter the watched tree, and how what is known of them is compared with what is there."""

from __future__ import annotations

import logging
import os
from stat import S_ISDIR

from fustor_core.exceptions import DriverError
from fustor_source_fs._files import ARRIVED, GONE, Files
from fustor_source_fs._inotify import watch_limit
from fustor_source_fs._listing import entries, kinds
from fustor_source_fs._live import Live, Work
from fustor_source_fs._names import text_of
from fustor_source_fs._root import VANISHED, open_child
from fustor_source_fs._rows import UPSERT, Status, row, rows_of
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
        self._warned = False

    def arm(self) -> None:
        """Watch the whole tree and learn its names; nothing is reported, that is the snapshot's.

        Raises:
            DriverError: there are too few watches and the options say not to go on without.
        """
        live = self._live
        start = live.directory_of(live.root)
        start.data = live.root
        for step, directory in Walk(live.scope, start):
            if step is Step.ENTER:
                live.stop.check()
                self._arm_directory(directory)
            elif step is Step.DENIED:
                live.set_listed(self._node_for(directory), directory.failed)
        self.warn_of_unwatched()
        live.publish_gauges()

    def _arm_directory(self, directory: Directory[Node]) -> None:
        live = self._live
        node = directory.data if directory.parent is None else self._node_for(directory)
        try:
            live.place(node, live.watch(directory), directory)
        except OSError as error:  # readable when it was opened, and not any more
            live.set_listed(node, error)
            return
        if live.unwatched and live.params.on_watch_limit == "fail":
            raise DriverError(_limit_text(len(live.watches), None))
        names: list[str] = []
        try:
            for name, is_directory in kinds(live.scope, directory.opened(), directory.prefix):
                (directory.add if is_directory else names.append)(name)
        except OSError as error:
            directory.failed = error
        node.set_names(names)
        live.set_listed(node, directory.failed)

    @staticmethod
    def _node_for(directory: Directory[Node], above: Node | None = None) -> Node:
        """A new node below that of the directory's parent, or below `above` where the walk began."""
        parent = directory.parent.data if directory.parent else above
        directory.data = node = Node(parent, directory.name)
        if parent is not None:
            parent.attach(node)
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

    def adopt(self, node: Node, name: str, *, moved: bool) -> Work:
        """Take in what is now the directory `name` below `node`, and report everything in it.

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

    def _take_in(self, node: Node, start: Directory[Node], *, moved: bool) -> Work:
        live = self._live
        name = start.name
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
            yield from live.writer.put(UPSERT, [row(start.path, start.status)])
        yield from self.compare(node, start, EVERYTHING)

    def _open(self, node: Node, name: str) -> Directory[Node] | None:
        live = self._live
        path = node.prefix + text_of(name)
        if not live.scope.admits(path, is_directory=True):
            return None
        parent = live.open_node(node)
        try:
            fd = open_child(parent, name, within=live.scope.within)
        finally:
            os.close(parent)
        raw = "".join("/" + part for part in (*node.raw_parts(), name))
        return Directory(None, raw, path, fd, os.fstat(fd))

    def _refused(self, node: Node, name: str, error: OSError) -> None:
        """A directory that cannot be read is reported and remembered: once it can be, its contents follow."""
        child = node.child(name)
        if child is None:
            child = Node(node, name)
            node.attach(child)
        self._live.set_listed(child, error)
        self._live.touch(node, name, ARRIVED)

    def retry_unlisted(self, below: Node) -> Work:
        """Read what could not be read, in `below` or deeper."""
        for node in list(self._live.unlisted):
            if node.attached and _is_in(node, below):
                yield from self._read_again(node)

    def _read_again(self, node: Node) -> Work:
        live = self._live
        try:
            start = live.directory_of(node)
        except OSError:  # still
            return
        yield from self.compare(node.parent, start, EVERYTHING)

    def poll(self, since: float) -> Work:
        """Compare the directories that have no watch; those that got one meanwhile are compared a last time."""
        live = self._live
        for node, identity in list(live.unwatched.items()):
            if not node.attached:
                continue
            try:
                start = live.directory_of(node)
            except OSError:  # gone: whoever watches or polls its parent reports it
                continue
            if start.identity() != identity and node.parent is not None:
                start.close()
                yield from self.adopt(node.parent, node.name, moved=True)
            else:
                yield from self.compare(node.parent, start, since, deep=False)

    def compare(self, above: Node | None, start: Directory[Node], since: float, *, deep: bool = True) -> Work:
        """Report how a subtree below `above` differs from what is known of it; of an unknown directory, everything.

        An entry known before is reported again if its ctime is not below `since`. With `deep` off, directories known
        before are not entered; where a watched one may have been exchanged, it is looked at whether it is the same.
        """
        live = self._live
        for step, directory in Walk(live.scope, start, above=live.identities_above(above)):
            live.stop.check()
            parent = directory.parent.data if directory.parent else above
            known = live.root if parent is None else parent.child(directory.name)
            if step is Step.ENTER:
                yield from self._compare_one(directory, parent, known, since, deep=deep)
            elif step is Step.DENIED:
                live.set_listed(known or self._node_for(directory), directory.failed)
            elif step is Step.REPLACED and parent is not None:
                live.touch(parent, directory.name, ARRIVED)
        self.warn_of_unwatched()

    def _compare_one(
        self, directory: Directory[Node], above: Node | None, known: Node | None, since: float, *, deep: bool
    ) -> Work:
        live = self._live
        try:
            watch = live.watch(directory)
        except OSError as error:  # readable when it was opened, and not any more
            directory.data = known or self._node_for(directory, above)
            live.set_listed(directory.data, error)
            return
        if known is not None and above is not None and not self._is_same(known, watch, directory):
            yield from live.gone(known)
            yield from live.writer.put(UPSERT, [row(directory.path, directory.status)])
            known = None
        directory.data = node = known or self._node_for(directory, above)
        if known is not None and known.watch == watch and not deep and directory.parent is not None:
            return  # its own events report what is in it
        live.place(node, watch, directory)
        yield from self._compare_entries(directory, node, since if node.listed else EVERYTHING, deep=deep)
        live.set_listed(node, directory.failed)

    def _is_same(self, node: Node, watch: int, directory: Directory[Node]) -> bool:
        """Whether the open directory is the one that the node stood for."""
        if not node.listed:
            return True  # unknown which: compared in full
        if node in self._live.unwatched:
            return self._live.unwatched[node] == directory.identity()
        return watch == node.watch and self._live.watches.is_for(watch, node)

    def _compare_entries(self, directory: Directory[Node], node: Node, since: float, *, deep: bool) -> Work:
        live, path, prefix = self._live, directory.path, directory.prefix
        known, seen, present = node.names(), set[str](), list[str]()
        may_be_exchanged = directory.status.st_ctime >= since
        news: list[tuple[str, Status]] = []
        for name, text, status in entries(live.scope, directory):
            child = node.child(name)
            if S_ISDIR(status.st_mode):
                seen.add(name)
                if deep or child is None or (may_be_exchanged and child not in live.unwatched):
                    directory.add(name)
                is_news = child is None
            else:
                if child is not None:
                    yield from live.gone(child)
                present.append(name)
                is_news = name not in known or status.st_ctime >= since
            if is_news:
                news.append((text, status))
            if len(news) == live.params.batch_size:
                yield from live.writer.put(UPSERT, rows_of(news, path, prefix))
                news = []
        yield from live.writer.put(UPSERT, rows_of(news, path, prefix))
        if directory.failed or os.fstat(directory.opened()).st_nlink == 0:
            node.set_names(list(known.union(present)))
            return
        node.set_names(present)
        yield from self._report_missing(node, known.difference(present), seen)

    def _report_missing(self, node: Node, names: set[str], directories: set[str]) -> Work:
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
