"""What tells one file from another, locks on directories, and signals held back for a moment."""

import fcntl
import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fustor_new.errors import EnvironmentProblem

__all__ = ["digest", "locked", "try_lock", "uninterrupted"]

_LOCK_TIMEOUT_SEC = 60.0
_POLL_SEC = 0.01


def digest(data: bytes | None) -> str | None:
    """Return the hash of a file of these bytes, None for no file."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def try_lock(descriptor: int) -> bool:
    """Take the lock on an open directory unless another process holds it; closing the descriptor gives it back."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(directory: Path, timeout_sec: float = _LOCK_TIMEOUT_SEC) -> Iterator[None]:
    """Hold the lock on `directory` itself; raises EnvironmentProblem when another process keeps it too long."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + timeout_sec
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise EnvironmentProblem(
                    f"Another process has held the lock on {str(directory)!r} for {timeout_sec:g} s; "
                    f"end it, or try again later"
                )
            time.sleep(_POLL_SEC)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
