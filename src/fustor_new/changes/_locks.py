"""Locks on directories."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fustor_new.errors import EnvironmentProblem

__all__ = ["is_locked", "locked"]

_LOCK_TIMEOUT_SEC = 60.0
_POLL_SEC = 0.01
_HELD: set[tuple[int, int]] = set()
"""The directories that this process has locked, by device and inode: a second descriptor would wait for the first."""


@contextmanager
def locked(directory: Path, timeout_sec: float = _LOCK_TIMEOUT_SEC) -> Iterator[None]:
    """Hold the lock on `directory` itself; inside of a block that holds it already, this changes nothing.

    Raises EnvironmentProblem when another process keeps it too long.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if (key := _key(descriptor)) in _HELD:
            yield
            return
        deadline = time.monotonic() + timeout_sec
        while not _acquire(descriptor):
            if time.monotonic() > deadline:
                raise EnvironmentProblem(
                    f"Another process has held the lock on {str(directory)!r} for {timeout_sec:g} s; "
                    f"end it, or try again later"
                )
            time.sleep(_POLL_SEC)
        _HELD.add(key)
        try:
            yield
        finally:
            _HELD.discard(key)
    finally:
        os.close(descriptor)


def is_locked(directory: Path) -> bool:
    """Tell whether another process holds the lock on `directory`; one that cannot be opened counts as locked."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return _key(descriptor) not in _HELD and not _acquire(descriptor)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int) -> bool:
    """Acquire the lock on an open directory unless another process holds it; closing the descriptor releases it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _key(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
