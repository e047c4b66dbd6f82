"""A task's directory, held open and locked: everything in it is named relative to its descriptor, never by path."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import stat
import sys
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from fustor_pusher_fs._errors import ConfigError, DriverError
from fustor_pusher_fs.config import FsParams

LOCK_NAME = "lock"

_SEGMENT = re.compile(r"([0-9]{8,})\.jsonl")
_TASK_MAX_LENGTH = 1000
_NAME_MAX_LENGTH = 200
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC


def segment_name(number: int) -> str:
    """File name of a segment; names sort as numbers do up to 99,999,999."""
    return f"{number:08d}.jsonl"


def segment_numbers(names: list[str]) -> list[int]:
    """Numbers of the segments among these file names, ascending."""
    return sorted(int(match[1]) for match in map(_SEGMENT.fullmatch, names) if match)


def directory_name(task: str) -> str:
    """Name of a task's directory: the identifier itself, percent-encoded where a file name could not hold it."""
    if not task or len(task) > _TASK_MAX_LENGTH:
        raise DriverError(f"Task {task[:50]!r} has {len(task)} characters; name it with 1 to {_TASK_MAX_LENGTH}")
    try:
        name = quote(task, safe="")
    except UnicodeEncodeError as error:
        raise DriverError(f"Task {task!r} is not valid text; name it otherwise") from error
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > _NAME_MAX_LENGTH:
        name = f"{name[:_NAME_MAX_LENGTH]}~{sha256(task.encode()).hexdigest()[:32]}"
    return name


def make_directories(path: Path, mode: int) -> None:
    """Create what is missing of this path, durably.

    Raises:
        OSError: as from `mkdir`.
    """
    if os.path.lexists(path):
        return
    make_directories(path.parent, mode)
    path.mkdir(mode, exist_ok=True)
    path.chmod(mode)  # whatever the umask
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_data(descriptor: int) -> None:
    """Make a file's contents and its length durable; its other attributes may follow later."""
    if sys.platform == "darwin":  # fsync there does not reach the disk
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


class Directory:
    """An open and locked directory; `path` is for messages only."""

    def __init__(self, path: Path, params: FsParams) -> None:
        """Create the directory if need be, and lock it.

        Raises:
            OSError: as from the system calls.
            ConfigError: it is a symbolic link, or another driver holds it.
        """
        self.path = path
        self._mode = params.file_permissions
        for link in (path.parent, path):
            if link.is_symlink():
                raise ConfigError(f"Directory {str(link)!r} is a symbolic link; name what it points to instead")
        make_directories(path, params.directory_permissions)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
        try:
            self._lock = self._locked()
        except BaseException:
            os.close(self._descriptor)
            raise

    def _locked(self) -> int:
        lock = self.open(LOCK_NAME, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise ConfigError(
                f"Directory {str(self.path)!r} is in use by another driver or process; "
                "stop that one, or choose another endpoint or task"
            ) from error
        return lock

    def close(self) -> None:
        """Release the directory."""
        os.close(self._lock)
        os.close(self._descriptor)

    def numbers(self) -> list[int]:
        """Numbers of the segments, ascending."""
        return segment_numbers(self._names())

    def open(self, name: str, flags: int) -> int:
        """Open a regular file in here; what is created gets the configured permissions, whatever the umask."""
        descriptor = os.open(name, flags | _FLAGS | os.O_NONBLOCK, self._mode, dir_fd=self._descriptor)
        try:
            _refuse_special(descriptor, name)
            if flags & os.O_EXCL:
                os.fchmod(descriptor, self._mode)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def stat(self, name: str) -> os.stat_result:
        """State of a file in here; of a symbolic link its own."""
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)

    def remove(self, name: str) -> None:
        """Remove a file; durable after `sync`."""
        os.unlink(name, dir_fd=self._descriptor)

    def replace(self, name: str, data: bytes, *, sync: bool) -> None:
        """Put a small file in the place of another, whole; with `sync` durably."""
        draft = f"{name}.new"
        with contextlib.suppress(FileNotFoundError):
            self.remove(draft)
        descriptor = self.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            os.write(descriptor, data)
            if sync:
                sync_data(descriptor)
        finally:
            os.close(descriptor)
        os.rename(draft, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        if sync:
            self.sync()

    def set_aside(self, name: str) -> str:
        """Rename a whole file so that it is not a segment any more, and return its new name; durable after `sync`."""
        free = self._free_name(name)
        os.rename(name, free, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        return free

    def create_aside(self, name: str) -> tuple[int, str]:
        """Create the file that will hold what is cut off this one: its descriptor and its name."""
        free = self._free_name(name)
        return self.open(free, os.O_WRONLY | os.O_CREAT | os.O_EXCL), free

    def _names(self) -> list[str]:
        return os.listdir(self._descriptor)  # noqa: PTH208 - a descriptor has no path to iterate

    def _free_name(self, name: str) -> str:
        taken = set(self._names())
        names = (f"{name}.torn-{number}" for number in itertools.count(1))
        return next(aside for aside in names if aside not in taken)

    def sync(self) -> None:
        """Make the names in here durable."""
        os.fsync(self._descriptor)


def _refuse_special(descriptor: int, name: str) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", name)
