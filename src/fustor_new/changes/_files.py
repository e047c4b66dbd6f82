"""Files and directories written so that they last, locks on directories, and signals held back for a moment."""

import fcntl
import hashlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fustor_new.errors import EnvironmentProblem

__all__ = [
    "digest",
    "fingerprint",
    "locked",
    "prune",
    "remove_tree",
    "standing_parents",
    "sync",
    "sync_tree",
    "try_lock",
    "uninterrupted",
    "write_new",
]

_LOCK_TIMEOUT_SEC = 60.0
_POLL_SEC = 0.01


def write_new(path: Path, data: bytes, *, executable: bool = False) -> None:
    """Create the file `path` with `data`; the umask decides on its mode. It lasts once it is synced."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777 if executable else 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def digest(data: bytes | None) -> str | None:
    """Return what `fingerprint` returns for a file of these bytes, or for none."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def fingerprint(path: Path) -> str | None:
    """Return the hash of the file at `path`, None where there is nothing, and an empty text for anything else."""
    if not os.path.lexists(path):
        return None
    return digest(path.read_bytes()) if path.is_file() and not path.is_symlink() else ""


def standing_parents(path: Path, root: Path) -> list[Path]:
    """Return the directories between `root` and `path`, both left out, the innermost first; none outside `root`."""
    return [parent for parent in path.parents if root in parent.parents and parent.is_dir()]


def prune(path: Path, root: Path) -> None:
    """Remove the directories between `root` and `path` that are empty now, as git does when the last file goes."""
    for parent in standing_parents(path, root):
        try:
            parent.rmdir()
        except OSError:  # it is not empty, or has to stay for a reason of its own
            return


def sync(path: Path) -> None:
    """Make a file's content, or the names in a directory, last through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Make the directory `path` and all in it last through a power cut."""
    for folder, _, names in os.walk(path):
        for name in names:
            sync(Path(folder) / name)
        sync(Path(folder))


def remove_tree(path: Path) -> None:
    """Remove the directory `path` and all in it, if it is there."""
    with suppress(FileNotFoundError):
        shutil.rmtree(path)


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
