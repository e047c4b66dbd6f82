"""Writing so that it is on the disk afterwards."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sync_directory", "write_all"]


def write_all(handle: int, data: bytes) -> None:
    """Write everything; the system may take it in pieces.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def sync_directory(path: Path) -> None:
    """The names in a directory are on the disk when this returns.

    Raises:
        OSError: the directory cannot be opened or synced.
    """
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
