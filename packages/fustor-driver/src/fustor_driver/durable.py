"""Writing so that it is on the disk afterwards, or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["drafted", "opened", "sync_directory", "write_all"]


@contextmanager
def opened(path: Path, flags: int, mode: int = 0o600) -> Iterator[int]:
    """A file's descriptor while the block runs; no child of this process gets it, and a new file is its owner's."""
    handle = os.open(path, flags | os.O_CLOEXEC, mode)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def drafted(
    path: Path, data: bytes, mode: int = 0o600, *, lasts: bool = True, is_locked: bool = False
) -> Iterator[Path]:
    """A new file beside `path` that holds the data whole, to be put into its place; gone after the block.

    Where a lock keeps all others from writing it (`is_locked`), what a killed process has left is taken away.

    Raises:
        OSError: it cannot be written; whatever is at `path` is as before.
    """
    draft = path.with_name(f".{path.name}.new" if is_locked else f".{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    try:
        with opened(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode) as handle:
            write_all(handle, data)
            if lasts:
                os.fsync(handle)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


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
    with opened(path, os.O_RDONLY | os.O_DIRECTORY) as handle:
        os.fsync(handle)
