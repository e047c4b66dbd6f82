"""Changes as they happen."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain

from fustor_event_model import EventBase
from fustor_source_fs._entry import AbsentError, Gate, enter
from fustor_source_fs._files import ARRIVED, Files, flags_after
from fustor_source_fs._folders import EVERYTHING, Folders
from fustor_source_fs._ghosts import report_ghosts
from fustor_source_fs._inotify import Chunk, KernelEvent, Mask, WatchLimitError, parse
from fustor_source_fs._live import Live, RootLostError, Work
from fustor_source_fs._names import text_of
from fustor_source_fs._rows import first_event
from fustor_source_fs._running import Counters, Stop, StoppedError
from fustor_source_fs._scope import Scope
from fustor_source_fs._tree import Node
from fustor_source_fs._visitors import Visit, register
from fustor_source_fs.config import FsParams

__all__ = ["Stream"]

_IDLE_SEC = 0.5
_CHUNKS_AT_ONCE = 8
_QUIET_SEC = 1.0
_CLOCK_SLACK_SEC = 2.0
_APPEARED = Mask.CREATE | Mask.MOVED_TO
_VANISHED = Mask.DELETE | Mask.MOVED_FROM
_ROOT_GONE = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT


class Stream(Iterator[EventBase]):
    """The realtime events of a tree, armed when constructed. To be closed from any thread.

    Where the host may lose the first event of a stream (`first_is_lost`), that one has no rows.

    Raises:
        DriverError: the root stays away, or the system has too few watches, descriptors or instances.
    """

    def __init__(
        self,
        scope: Scope,
        params: FsParams,
        counters: Counters,
        *,
        retries: tuple[int, float],
        stop: Stop,
        sent: Callable[[EventBase], None],
        first_is_lost: bool = False,
    ) -> None:
        self._visitors = threading.Lock()
        self._stop = stop
        self._live = Live(scope, params, counters, stop)
        weakref.finalize(self, self._live.watcher.close)
        self._files = Files(self._live)
        self._folders = Folders(self._live, self._files)
        self._counters = counters
        self._gate = Gate(scope, stop, *retries)
        self._sent = sent
        self._overflow_since: float | None = None
        self._overflow_at = 0.0
        self._rescan_after = 0.0
        self._polled_at = time.time()
        self._poll_due = time.monotonic() + params.poll_interval_sec
        self._clock_offset = time.time() - time.monotonic()
        try:
            self._arm()
        except StoppedError:
            self.close()
        except BaseException:
            self.close()
            raise
        self._events = self._run(first_is_lost=first_is_lost)
        register(self, scope.root.path)

    def __next__(self) -> EventBase:
        return next(self._events)

    def close(self) -> None:
        """End the stream: whoever waits for its next event gets StopIteration."""
        self._stop.set()
        self._live.watcher.close()

    @contextmanager
    def visited(self) -> Iterator[Visit]:
        """For as long as a snapshot or an audit lasts no watch is given back; it has what it lists watched first."""
        with self._visitors:
            self._live.visitors += 1
        try:
            yield Visit(self._watch_for_visitor, self._live.listed.note)
        finally:
            with self._visitors:
                self._live.visitors -= 1

    def _watch_for_visitor(self, fd: int) -> None:
        try:
            self._live.watcher.add(fd, Mask.ENTRIES | Mask.ADD)
        except WatchLimitError:
            status = os.fstat(fd)
            self._live.listed.add_unwatched((status.st_dev, status.st_ino))
        except OSError:  # the stream has ended
            return

    def _arm(self) -> None:
        for _ in range(self._gate.attempts):
            self._wait_for_root()
            try:
                self._folders.arm()
            except RootLostError:
                self._live.root = Node(None, "")
                self._gate.pause()
            else:
                return
        raise self._gate.given_up()

    def _run(self, *, first_is_lost: bool) -> Iterator[EventBase]:
        try:
            if first_is_lost and not self._stop.is_set():
                yield first_event()
            while not self._stop.is_set():
                yield from self._turn()
        except StoppedError:
            return
        finally:
            self.close()

    def _turn(self) -> Iterator[EventBase]:
        work = self._work(self._live.watcher.get(self._timeout()))
        for attempt in range(self._gate.attempts + 1):
            try:
                yield from self._sending(work)
            except RootLostError:
                if attempt:
                    self._gate.pause()
                work = self._restore()
            else:
                return
        raise self._gate.given_up()

    def _sending(self, work: Work) -> Iterator[EventBase]:
        for finished in chain(work, self._live.writer.cut()):
            self._stop.check()
            self._sent(finished.event)
            yield finished.event

    def _timeout(self) -> float:
        if self._live.touched:
            return 0.0
        now = time.monotonic()
        due = min(self._files.next_due() or now + _IDLE_SEC, self._poll_due)
        if self._overflow_since is not None:
            due = min(due, max(self._rescan_after, now + 0.01))
        return min(max(due - now, 0.0), _IDLE_SEC)

    def _work(self, chunk: Chunk | None) -> Work:
        handled = 0
        while chunk is not None:
            yield from self._handle(chunk)
            handled += 1
            chunk = self._live.watcher.get(0) if handled < _CHUNKS_AT_ONCE else None
        self._files.release_due()
        yield from self._files.flush()
        linked, self._files.linked = self._files.linked, []
        for node, name in linked:
            if node.attached:
                yield from self._folders.adopt(node, name, moved=False)
        self._live.drop_orphans()
        if time.monotonic() >= self._poll_due:
            yield from self._poll()
        if self._overflow_since is not None and self._is_time_to_rescan():
            yield from self._rescan(self._overflow_since)
        self._live.publish_gauges()

    def _handle(self, chunk: Chunk) -> Work:
        if chunk.overflow:
            self._note_overflow(chunk)
        live = self._live
        for event in parse(chunk.data):
            mask = event.mask
            nodes = live.watches.nodes(event.wd)
            if not nodes and event.wd > 0 and not mask & Mask.IGNORED:
                live.note_stranger(event.wd)
            if event.name and not mask & Mask.ISDIR:
                for node in nodes:
                    names = live.touched.setdefault(node, {})
                    names[event.name] = flags_after(names.get(event.name, 0), mask)
                    if mask & _VANISHED and node.child(event.name):  # a link that was followed
                        del names[event.name]
                        yield from self._vanished(node, event.name)
            elif mask & Mask.OVERFLOW:
                self._note_overflow(chunk)
            else:
                for node in nodes:
                    yield from self._handle_directory(node, event)

    def _handle_directory(self, node: Node, event: KernelEvent) -> Work:
        mask, name = event.mask, event.name
        if not node.attached:
            return
        if not name:
            if node is self._live.root and mask & _ROOT_GONE:
                raise RootLostError
            if mask & Mask.IGNORED:
                self._live.watches.forget(event.wd)
            elif mask & Mask.ATTRIB:
                yield from self._folders.retry_unlisted(node)
        elif mask & _APPEARED:
            yield from self._folders.adopt(node, name, moved=bool(mask & Mask.MOVED_TO))
        elif mask & _VANISHED:
            yield from self._vanished(node, name)
        elif mask & Mask.ATTRIB:
            child = node.child(name)
            if child is not None:
                yield from self._folders.retry_unlisted(child)

    def _vanished(self, node: Node, name: str) -> Work:
        """A directory is not there any more, or not the one that was; its present state follows where there is one."""
        live = self._live
        child = node.child(name)
        if child is None:
            if not live.scope.admits(node.prefix + text_of(name), is_directory=True):
                return
            child = Node(node, name)
        back = os.path.lexists(live.raw_path(child))
        yield from live.gone(child)
        if back:
            live.touch(node, name, ARRIVED)

    def _note_overflow(self, chunk: Chunk) -> None:
        self._counters.overflows += 1
        if self._overflow_since is None:
            self._overflow_at = time.monotonic()
            self._overflow_since = chunk.empty_at
        self._overflow_since = min(self._overflow_since, chunk.empty_at)

    def _is_time_to_rescan(self) -> bool:
        now = time.monotonic()
        if now < self._rescan_after:
            return False
        return not self._live.watcher.queued_bytes or now - self._overflow_at > _QUIET_SEC

    def _rescan(self, since: float) -> Work:
        """Find by comparison what the kernel did not report. What happens meanwhile comes with later events."""
        self._overflow_since = None
        began = time.monotonic()
        self._files.forget_open()
        yield from self._folders.compare(None, self._live.directory_of(self._live.root), self._changed_since(since))
        self._counters.rescans += 1
        self._rescan_after = 2 * time.monotonic() - began

    def _changed_since(self, moment: float) -> float:
        """The ctime from which on an entry may have changed since `moment`; everything, if the clock was set."""
        if abs(time.time() - time.monotonic() - self._clock_offset) > _CLOCK_SLACK_SEC / 2:
            self._clock_offset = time.time() - time.monotonic()
            return EVERYTHING
        return moment - _CLOCK_SLACK_SEC

    def _poll(self) -> Work:
        self._look_at_root()
        since, self._polled_at = self._polled_at, time.time()
        with self._live.listed.taken() as listed:
            if self._live.unwatched:
                yield from self._folders.poll(self._changed_since(since))
            yield from self._folders.retry_unlisted(self._live.root)
            yield from report_ghosts(self._live, listed, self._changed_since(self._polled_at))
        self._poll_due = time.monotonic() + self._live.params.poll_interval_sec

    def _look_at_root(self) -> None:
        """Find out what no event reports: that the root was unmounted, or something mounted over it."""
        os.close(self._live.open_root())
        try:
            os.close(enter(self._live.scope))
        except AbsentError as error:
            raise RootLostError from error

    def _restore(self) -> Work:
        """Wait for the root, then report how it differs from what is known, and every file once more.

        Nothing is reported while it is away. The events that were being handled are lost, however old they are: a time
        from which on files may have changed is not known.
        """
        live = self._live
        live.touched = {}
        self._files.forget_open()
        self._wait_for_root()
        yield from self._folders.compare(None, live.directory_of(live.root), EVERYTHING)

    def _wait_for_root(self) -> None:
        live = self._live
        live.root_identity = self._gate.wait(lambda: live.root.is_known_to_hold)
