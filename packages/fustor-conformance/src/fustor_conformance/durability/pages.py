"""Which pages of a file are not on the disk yet: what the page cache says of itself, where the system lets one ask."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
import tempfile
from pathlib import Path

__all__ = ["PAGE", "UnseenError", "unwritten"]

PAGE = mmap.PAGESIZE
"""Bytes."""
_CACHESTAT = 451
"""The number of cachestat(2) on every architecture that Linux 6.5 and later runs on."""
_DIRTY, _WRITEBACK = 1, 2
_accounting: dict[int, bool] = {}
"""Whether the files of a device are accounted for."""


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
