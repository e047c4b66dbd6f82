"""What a power cut would leave of a destination that lies in files: bytes that are on the disk, under durable names.

A file that Python code writes goes back to what it held when it was last synced: some file systems write a file back
when it is renamed, and a driver that counts on that has luck and not durability. A file that a C library writes, such
as SQLite's, goes back page by page to what it was when the page cache last called it clean. A name that Python code
made is there once its directory was synced; those of C libraries are taken as durable: nobody sees what those sync.
"""

# ruff: noqa: PTH110, PTH115, PTH119, PTH120, PTH123 - names as the system has them

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import TypeAlias

__all__ = ["PAGE", "Disk", "Files", "Left", "UnseenError", "files_below", "unwritten"]

Files: TypeAlias = dict[str, bytes]
"""Contents by path."""
_Inode: TypeAlias = tuple[int, int]
_MOST_BYTES = 64 << 20
PAGE = mmap.PAGESIZE
"""Bytes."""
_CACHESTAT = 451
"""The number of cachestat(2) on every architecture that Linux 6.5 and later runs on."""
_DIRTY, _WRITEBACK = 1, 2
_accounting: dict[int, bool] = {}
"""Whether the files of a device are accounted for."""


@dataclass(frozen=True)
class Left:
    """What a power cut at one moment would leave, and why it is less than what is there."""

    when: str
    now: Files
    pages: Files
    """With the bytes that are on the disk, whatever their names."""
    names: Files
    """With the names that are on the disk, whatever their bytes."""
    unwritten: dict[str, int]
    """How many pages are in memory only, by path."""
    unnamed: list[str]
    """The paths whose directory was not synced since they were made or renamed."""


@dataclass
class Disk:
    """Watches the files below `roots`; what is there at the beginning counts as durable."""

    roots: list[Path]
    blind: str = ""
    """Why syncs are not seen, where something makes them behind Python's back."""
    unseen: str = ""
    """Why the pages of some file had to be believed."""
    _made: set[str] = field(default_factory=set)
    _opened: set[str] = field(default_factory=set)
    _written: set[_Inode] = field(default_factory=set)
    """The files that Python code writes."""
    _entries: dict[str, dict[str, int]] = field(default_factory=dict)
    _durable: dict[_Inode, bytes] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        files = list(files_below(self.roots))
        self._durable.update({_inode(path): path.read_bytes() for path in files})
        for directory in {path.parent for path in files} | {root for root in self.roots if root.is_dir()}:
            self._entries[str(directory)] = _entries(directory)

    def opens(self, path: str, flags: int) -> None:
        """Python code opens this file with these flags, now."""
        with self._lock:
            if flags & os.O_CREAT and not os.path.lexists(path):
                self._made.add(path)
            if flags & (os.O_WRONLY | os.O_RDWR) and not flags & (os.O_SYNC | os.O_DSYNC):
                self._opened.add(path)

    def leaves(self, path: str) -> None:
        """A C library writes this file itself."""
        with self._lock:
            self._settle()
            for name in [other for other in {*self._opened, *self._made} if other.startswith(path)]:
                self._opened.discard(name)
                self._made.discard(name)
            self._forget(path)

    def renames(self, new: str) -> None:
        """Python code is about to give something this name."""
        with self._lock:
            self.removes(new)
            self._made.add(new)

    def removes(self, path: str) -> None:
        """Python code is about to remove this name: its inode may be another file's afterwards."""
        with self._lock:
            self._settle()
            self._forget(path)

    def content(self, descriptor: int) -> bytes | None:
        """What a sync of this descriptor will make durable; None for a directory."""
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(f"/proc/self/fd/{descriptor}", "rb") as file:
            return file.read(_MOST_BYTES)

    def synced(self, descriptor: int, content: bytes | None) -> None:
        """Python code has synced this descriptor, which held this before."""
        status = os.fstat(descriptor)
        with self._lock:
            self._settle()
            if content is not None:
                self._durable[status.st_dev, status.st_ino] = content
            elif stat.S_ISDIR(status.st_mode):
                directory = os.readlink(f"/proc/self/fd/{descriptor}")
                self._entries[directory] = _entries(Path(directory))

    def synced_all(self) -> None:
        """Python code has synced everything."""
        with self._lock:
            self._settle()
            self._entries |= {path: _entries(Path(path)) for path in map(os.path.dirname, self._made)}
            for path in files_below(self.roots):
                self._durable[_inode(path)] = path.read_bytes()

    def look(self, when: str) -> Left:
        """What a power cut would leave now."""
        with self._lock:
            self._settle()
            now, pages, dirty = {}, {}, {}
            for path in files_below(self.roots):
                found = self._read(path)
                if found is not None:
                    now[str(path)], pages[str(path)], dirty[str(path)] = found
            unnamed = [] if self.blind else [path for path in now if not self._is_named(path)]
            names = {path: data for path, data in now.items() if path not in unnamed} | self._replaced(unnamed)
            return Left(when, now, pages, names, {path: count for path, count in dirty.items() if count}, unnamed)

    def _settle(self) -> None:
        """Turn the names of what was opened into inodes, before they are renamed."""
        for path in list(self._opened):
            if os.path.exists(path):
                self._written.add(_inode(Path(path)))
                self._opened.discard(path)

    def _forget(self, path: str) -> None:
        if os.path.exists(path):
            self._written.discard(_inode(Path(path)))

    def _read(self, path: Path) -> tuple[bytes, bytes, int] | None:
        """The file's bytes, those on the disk, and how many pages differ; None when it went meanwhile."""
        try:
            inode = _inode(path)
            if inode in self._written and not self.blind:
                data, old = path.read_bytes(), self._durable.get(inode, b"")
                return data, old, len(_differing(data, old))
            with path.open("rb") as file:
                before = self._dirty(file.fileno())
                data = file.read(_MOST_BYTES)
                dirty = sorted({*before, *self._dirty(file.fileno())})
        except FileNotFoundError:
            return None
        self._durable[inode] = _without(data, self._durable.get(inode, b""), dirty)
        return data, self._durable[inode], len(dirty)

    def _dirty(self, descriptor: int) -> list[int]:
        try:
            return unwritten(descriptor)
        except UnseenError as err:
            self.unseen = str(err)
            return []

    def _is_named(self, path: str) -> bool:
        for name in (Path(path), *Path(path).parents):
            if str(name) in self._made and self._entries.get(str(name.parent), {}).get(name.name) != name.stat().st_ino:
                return False
        return True

    def _replaced(self, unnamed: list[str]) -> Files:
        """What the durable names lead to in place of what was renamed over it."""
        old: Files = {}
        for path in filter(lambda path: self._is_named(os.path.dirname(path)), unnamed):
            number = self._entries.get(os.path.dirname(path), {}).get(os.path.basename(path))
            before = [data for inode, data in self._durable.items() if inode[1] == number]
            if before:
                old[path] = before[0]
        return old


def files_below(roots: Iterable[Path]) -> Iterator[Path]:
    """The files in these directories, or whose names begin as theirs do where they are files or not there."""
    for root in roots:
        found = root.rglob("*") if root.is_dir() else root.parent.glob(f"{escape(root.name)}*")
        yield from (path for path in sorted(found) if path.is_file() and not path.is_symlink())


def _differing(data: bytes, old: bytes) -> list[int]:
    pages = range(0, max(len(data), len(old)), PAGE)
    return [begin for begin in pages if data[begin : begin + PAGE] != old[begin : begin + PAGE]]


def _without(data: bytes, old: bytes, dirty: list[int]) -> bytes:
    """The bytes with the dirty pages as they were; behind the last clean page nothing that is new."""
    if not dirty:
        return data
    clean = [number for number in range(-(-len(data) // PAGE)) if number not in dirty]
    end = max(min((clean[-1] + 1) * PAGE, len(data)) if clean else 0, min(len(old), len(data)))
    left = bytearray(data[:end])
    for number in dirty:
        begin, stop = number * PAGE, min((number + 1) * PAGE, end)
        if begin < stop:
            left[begin:stop] = old[begin:stop].ljust(stop - begin, b"\0")
    return bytes(left)


def _entries(directory: Path) -> dict[str, int]:
    with os.scandir(directory) as found:
        return {entry.name: entry.inode() for entry in found}


def _inode(path: Path) -> _Inode:
    status = path.stat()
    return status.st_dev, status.st_ino


class UnseenError(Exception):
    """What is on the disk cannot be seen here, and why."""


def unwritten(descriptor: int) -> list[int]:
    """The numbers of the file's pages whose newest bytes are in memory only.

    Raises:
        UnseenError: the system has no such call, or this file system keeps no account (tmpfs).
    """
    _require_accounting(descriptor)
    if not _count(descriptor, 0, 0):
        return []
    pages = -(-os.fstat(descriptor).st_size // PAGE)
    return [number for number in range(pages) if _count(descriptor, number * PAGE, PAGE)]


def _require_accounting(descriptor: int) -> None:
    device = os.fstat(descriptor).st_dev
    if device not in _accounting:
        directory = Path(f"/proc/self/fd/{descriptor}").resolve().parent
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"kit")
            probe.flush()
            _accounting[device] = _count(probe.fileno(), 0, 0) > 0
    if not _accounting[device]:
        raise UnseenError("The file system of the destination keeps no account of dirty pages (as tmpfs)")


def _count(descriptor: int, offset: int, length: int) -> int:
    if _syscall is None:
        raise UnseenError(f"cachestat(2) is Linux's, and this is {sys.platform}")
    found = (ctypes.c_uint64 * 5)()
    if _syscall(_CACHESTAT, descriptor, (ctypes.c_uint64 * 2)(offset, length), found, 0):
        number = ctypes.get_errno()
        if number in (errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP):
            raise UnseenError(f"This kernel does not answer cachestat(2): {os.strerror(number)}")
        raise OSError(number, os.strerror(number))
    return int(found[_DIRTY] + found[_WRITEBACK])


_syscall = ctypes.CDLL(None, use_errno=True).syscall if sys.platform.startswith("linux") else None
