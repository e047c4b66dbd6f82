"""Kernel events, read as fast as they come and handed on in order."""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol, cast

from fustor_core.exceptions import DriverError

__all__ = ["Chunk", "KernelEvent", "Mask", "WatchLimitError", "Watcher", "parse", "watch_limit"]

_READ_BYTES = 1 << 16
_CHUNK_COST = 200
_LIMITS = ("/proc/sys/user/max_inotify_watches", "/proc/sys/fs/inotify/max_user_watches")


class Mask:
    """Bits of a kernel event. Source: inotify(7)."""

    MODIFY = 0x2
    ATTRIB = 0x4
    CLOSE_WRITE = 0x8
    MOVED_FROM = 0x40
    MOVED_TO = 0x80
    CREATE = 0x100
    DELETE = 0x200
    DELETE_SELF = 0x400
    MOVE_SELF = 0x800
    UNMOUNT = 0x2000
    OVERFLOW = 0x4000
    IGNORED = 0x8000
    ONLYDIR = 0x0100_0000
    ADD = 0x2000_0000
    ISDIR = 0x4000_0000

    # Nothing that reading the tree causes: a scan must not fill the queue that it empties.
    ENTRIES = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | ONLYDIR
    ROOT = ENTRIES | DELETE_SELF | MOVE_SELF


class KernelEvent(Protocol):
    """One event, as the inotify library gives it."""

    wd: int
    mask: int
    name: str


class _INotify(Protocol):
    """What is used of the library's instance; the library is untyped."""

    def fileno(self) -> int: ...
    def add_watch(self, path: str, mask: int) -> int: ...
    def rm_watch(self, watch: int) -> None: ...
    def close(self) -> None: ...


class WatchLimitError(Exception):
    """The kernel refuses another watch."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Kernel events as read; `overflow` instead of them where they were dropped for want of room.

    What is lost happened after `empty_at` (seconds since the epoch), when nothing was waiting in the kernel.
    """

    data: bytes
    empty_at: float
    overflow: bool = False


def parse(data: bytes) -> list[KernelEvent]:
    """The events in what was read from the kernel, names as `os` functions give them."""
    from inotify_simple import parse_events  # type: ignore[import-untyped]  # noqa: PLC0415 - Linux only

    return cast("list[KernelEvent]", parse_events(data))


def watch_limit() -> int | None:
    """How many watches this user may have, if the system says."""
    limits = [int(Path(path).read_text("ascii")) for path in _LIMITS if Path(path).exists()]
    return min(limits, default=None)


class Watcher:
    """One inotify instance and the thread that empties it. Safe to close from any thread, twice."""

    def __init__(self, capacity: int) -> None:
        self._inotify = _new_inotify()
        self._capacity = capacity
        self._chunks: SimpleQueue[Chunk | None] = SimpleQueue()
        self._produced = 0
        self._consumed = 0
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        self._closed = False
        self._abandoned = False
        self._fault: OSError | None = None
        self._thread = threading.Thread(target=self._read_all, name="fustor-source-fs-inotify", daemon=True)
        self._thread.start()

    def add(self, fd: int, mask: int = Mask.ENTRIES) -> int:
        """Watch the directory behind a descriptor, whatever its path is by now; the watch's number.

        Raises:
            WatchLimitError: there are too many already.
            OSError: it cannot be watched.
        """
        with self._lock:
            if self._closed:
                raise OSError(errno.EBADF, "The watcher is closed")
            try:
                return self._inotify.add_watch(f"/proc/self/fd/{fd}", mask)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.ENOMEM):
                    raise WatchLimitError from error
                raise

    def remove(self, watch: int) -> None:
        """Stop watching a directory; one that is gone needs no watch either."""
        with self._lock:
            if self._closed:
                return
            try:
                self._inotify.rm_watch(watch)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise

    def get(self, timeout: float) -> Chunk | None:
        """The next events, or None when none came in time or the watcher was closed.

        Raises:
            DriverError: the kernel's queue can no longer be read.
        """
        try:
            chunk = self._chunks.get(timeout=timeout) if timeout > 0 else self._chunks.get_nowait()
        except Empty:
            chunk = None
        if chunk is not None:
            self._consumed += len(chunk.data) + _CHUNK_COST
        elif self._fault is not None:
            raise DriverError("The kernel's events cannot be read any more; restart the source") from self._fault
        return chunk

    @property
    def queued_bytes(self) -> int:
        """Bytes of events that were read and not handled yet."""
        return self._produced - self._consumed

    def close(self) -> None:
        """Give back the thread, the watches and the descriptors; `get` returns at once from now on."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        os.write(self._wake_write, b"x")
        if threading.current_thread() is self._thread:  # an abandoned stream, cleaned up between two of its steps
            self._abandoned = True
            return
        self._thread.join()
        self._release()

    def _release(self) -> None:
        self._inotify.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._chunks.put(None)

    def _read_all(self) -> None:
        poller = select.poll()
        poller.register(self._inotify.fileno(), select.POLLIN)
        poller.register(self._wake_read, select.POLLIN)
        dropping = False
        empty_at = time.time()
        try:
            while True:
                now = time.time()
                ready = poller.poll(0)
                if not ready:
                    empty_at = now
                    ready = poller.poll()
                if any(fd == self._wake_read for fd, _ in ready):
                    return
                data = os.read(self._inotify.fileno(), _READ_BYTES)
                if self.queued_bytes < (self._capacity // 2 if dropping else self._capacity):
                    dropping = False
                    self._put(Chunk(data, empty_at))
                elif not dropping:
                    dropping = True
                    self._put(Chunk(b"", empty_at, overflow=True))
        except OSError as error:
            self._fault = error
            self._chunks.put(None)
        finally:
            if self._abandoned:
                self._release()

    def _put(self, chunk: Chunk) -> None:
        self._produced += len(chunk.data) + _CHUNK_COST
        self._chunks.put(chunk)


def _new_inotify() -> _INotify:
    from inotify_simple import INotify  # noqa: PLC0415 - the library exists on Linux only

    try:
        return cast("_INotify", INotify())
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise DriverError(
                "No further inotify instance can be opened; raise the limit: sysctl fs.inotify.max_user_instances=1024"
            ) from error
        raise DriverError(f"Not supported: this kernel offers no inotify ({error.strerror})") from error
