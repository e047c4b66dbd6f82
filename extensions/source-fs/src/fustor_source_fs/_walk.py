"""Depth-first over open directories, without recursion and with few descriptors, however deep the tree."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from enum import Enum
from stat import S_ISDIR
from typing import Generic, TypeVar

from fustor_source_fs._names import text_of
from fustor_source_fs._root import OPEN_CHILD, VANISHED, is_same_or_closed, open_chain, open_child, require_within
from fustor_source_fs._scope import Scope

__all__ = ["Directory", "Step", "Walk"]

T = TypeVar("T")

_OPEN_LEVELS = 64
_PACKED_NAMES = 4096


class Directory(Generic[T]):
    """One directory on the way of a walk.

    `raw` is its path as the operating system's functions take it, "" for the root; `path` the same in rows,
    and `prefix` what stands before the names of its entries. `subdirectories` are visited next, the last first;
    `packed` are more of them, since a million names in a list take five times their characters. `leaves_out` is set
    where an entry is not part of the source. `status` is from before it was listed, `after` from afterwards where
    somebody asked. `data` is the caller's own: set by the caller when the directory is entered, at the latest, and
    read by nobody else.
    """

    data: T
    failed: OSError | None = None
    packed: list[str] | None = None
    leaves_out: bool = False
    after: os.stat_result | None = None

    def __init__(
        self, parent: Directory[T] | None, raw: str, path: str, fd: int | None, status: os.stat_result
    ) -> None:
        self.parent = parent
        self.raw = raw
        self.path = path
        self.prefix = path + "/" if raw else "/"
        self.fd = fd
        self.status = status
        self.subdirectories: list[str] = []

    @property
    def name(self) -> str:
        """The last name of `raw`."""
        return self.raw.rpartition("/")[2]

    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.status.st_dev, self.status.st_ino

    def opened(self) -> int:
        """The descriptor of a directory that was entered."""
        if self.fd is None:
            raise ValueError(f"{self.path!r} is not open")
        return self.fd

    def close(self) -> None:
        """Give back the descriptor, if there is one."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def add(self, name: str) -> None:
        """Note a directory that is to be visited."""
        self.subdirectories.append(name)
        if len(self.subdirectories) > _PACKED_NAMES:
            self.packed = [*(self.packed or ()), "\0".join(self.subdirectories)]
            self.subdirectories = []

    def unpack(self) -> bool:
        """Whether there were packed names; they are in `subdirectories` then."""
        if not self.packed:
            return False
        self.subdirectories = self.packed.pop().split("\0")
        return True

    def joined(self) -> str:
        """All names to be visited as one text."""
        return "\0".join([*(self.packed or ()), *self.subdirectories])


class Step(Enum):
    """What a walk has come to."""

    ENTER = 1  # the directory is open; list it and fill `subdirectories`
    LEAVE = 2  # everything below it was visited
    DENIED = 3  # it is there and cannot be opened: `failed` says why
    CLOSED = 4  # it is there and the options say not to enter it
    REPLACED = 5  # it was a directory when its parent was listed and is something else now
    GONE = 6  # it was there when its parent was listed; or, if the parent is `failed` now, nobody knows


class Walk(Generic[T]):
    """Steps through the directories below (and with) `start`, each after its parent.

    The caller lists a directory when it is entered; what it leaves in `subdirectories` is visited next. `known` may
    give a directory that need not be opened, with its `subdirectories` filled. A directory is left with a step of its
    own if `leave` says so, or if it failed.
    """

    def __init__(
        self,
        scope: Scope,
        start: Directory[T],
        *,
        leave: bool = False,
        known: Callable[[Directory[T], str, str], Directory[T] | None] | None = None,
        above: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        self._scope = scope
        self._leave_all = leave
        self._known = known
        self._above = above
        self._stack = [start]
        self._device = start.status.st_dev if scope.one_file_system else None
        self._closed = scope.closed()

    def __iter__(self) -> Generator[tuple[Step, Directory[T]], None, None]:  # noqa: C901 - the hot loop: a call costs a tenth
        stack, known, leave_all, flags = self._stack, self._known, self._leave_all, OPEN_CHILD
        device, closed, is_shared = self._device, self._closed, self._scope.shares_directories
        within = self._scope.within
        if within:
            flags &= ~os.O_NOFOLLOW
        try:
            yield Step.ENTER, stack[-1]
            while stack:
                top = stack[-1]
                if not top.subdirectories and (top.packed is None or not top.unpack()):
                    if leave_all or top.failed:
                        yield Step.LEAVE, top
                    self._leave()
                    continue
                name = top.subdirectories.pop()
                raw = f"{top.raw}/{name}"
                path = raw if raw.isascii() else top.prefix + text_of(name)
                if known is not None and (remembered := known(top, raw, path)):
                    self._push(remembered)
                    yield Step.ENTER, remembered
                    continue
                try:
                    if top.fd is None:
                        top.fd = self._reopen(top)
                    fd = os.open(name, flags, dir_fd=top.fd)
                    if within:
                        require_within(within, fd)
                except OSError as error:
                    yield self._absent(top, raw, path, error)
                    continue
                child: Directory[T] = Directory(top, raw, path, fd, os.fstat(fd))
                is_elsewhere = device is not None and child.status.st_dev != device
                if is_elsewhere or raw in closed or (is_shared and self._is_above(child)):
                    child.close()
                    yield Step.CLOSED, child
                    continue
                self._push(child)
                yield Step.ENTER, child
        finally:
            for directory in stack:
                directory.close()

    def _is_above(self, child: Directory[T]) -> bool:
        """Whether this is a directory that holds itself: a link or a mount leads back to it."""
        identity = child.identity()
        return identity in self._above or any(one.identity() == identity for one in self._stack)

    def _absent(self, top: Directory[T], raw: str, path: str, error: OSError) -> tuple[Step, Directory[T]]:
        directory: Directory[T] = Directory(top, raw, path, None, top.status)
        directory.failed = error
        if top.fd is None:
            return Step.GONE, directory
        try:
            directory.status = os.stat(directory.name, dir_fd=top.fd, follow_symlinks=False)
        except VANISHED:
            return Step.GONE, directory
        except OSError as refusal:
            top.failed = refusal
            return Step.GONE, directory
        return Step.DENIED if S_ISDIR(directory.status.st_mode) else Step.REPLACED, directory

    def _push(self, child: Directory[T]) -> None:
        self._stack.append(child)
        if len(self._stack) > _OPEN_LEVELS:
            self._stack[-_OPEN_LEVELS - 1].close()

    def _leave(self) -> None:
        child = self._stack.pop()
        if child.fd is None:
            return
        if self._stack and self._stack[-1].fd is None:
            self._climb(child.fd, self._stack[-1])
        os.close(child.fd)
        child.fd = None

    def _climb(self, child: int, parent: Directory[T]) -> None:
        """Reopen the parent through its child; if the child was moved meanwhile, by name when it is needed."""
        try:
            fd = open_child(child, "..")
        except OSError:
            return
        if is_same_or_closed(fd, parent.identity()):
            parent.fd = fd

    def _reopen(self, directory: Directory[T]) -> int:
        fd = open_chain(self._scope.root.open(), directory.raw.split("/")[1:], within=self._scope.within)
        if not is_same_or_closed(fd, directory.identity()):
            raise FileNotFoundError(f"{directory.path!r} was replaced while it was read")
        return fd
