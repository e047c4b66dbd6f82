"""Files of a checkout found and read within bounds: never one without end, never one that is waited for.

A checkout may be nested deeper than Python's stack, so that directories are walked without recursion.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from fustor_new.errors import UsageProblem

__all__ = [
    "DEEPEST",
    "LIMIT_BYTES",
    "Found",
    "check_usable",
    "from_home",
    "is_directory",
    "is_file",
    "read_bytes",
    "read_file",
    "walk",
]

LIMIT_BYTES = 4 * 1024 * 1024
"""The largest file of a checkout that is read as text: a root file of 20,000 members has less than one."""

DEEPEST = 200
"""So many directories below one another are walked through."""
_BLOCK_BYTES = 1024 * 1024


class Found(NamedTuple):
    """A file's content, and its owner and mode at the same moment."""

    data: bytes
    status: os.stat_result


def read_bytes(path: Path, *, limit_bytes: int = LIMIT_BYTES, follow: bool = True) -> bytes:
    """Return the content of the regular file at `path`; with `follow`, also of the one that a symlink leads to.

    Raises:
        OSError: it is not there, is something else than a file, or larger than the limit; `strerror` says which.
    """
    return read_file(path, limit_bytes=limit_bytes, follow=follow).data


def read_file(path: Path, *, limit_bytes: int, follow: bool = False, within: int | None = None) -> Found:
    """Return the regular file at `path`, whose name is looked for in the open directory `within` where one is given.

    Raises:
        OSError: as `read_bytes` does. A pipe, a socket or a device is not even opened.
    """
    name = path if within is None else path.name
    _check_regular(os.stat(name, dir_fd=within, follow_symlinks=follow).st_mode, path)
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(name, flags, dir_fd=within)
    try:
        status = os.fstat(descriptor)
        _check_regular(status.st_mode, path)  # it may have been replaced since
        blocks: list[bytes] = []
        size = 0
        while block := os.read(descriptor, min(_BLOCK_BYTES, limit_bytes - size + 1)):
            blocks.append(block)
            size += len(block)
            if size > limit_bytes:
                raise OSError(errno.EFBIG, f"larger than {limit_bytes // 1024} kB", str(path))
    finally:
        os.close(descriptor)
    return Found(b"".join(blocks), status)


def _check_regular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a symlink, not the file itself", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def is_file(path: Path) -> bool:
    """Tell whether there is a file; at a path that no file can have, too long or with a NUL, there is none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for some of those


def is_directory(path: Path) -> bool:
    """Tell whether there is a directory; at a path that none can have, too long or with a NUL, there is none."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for some of those


def check_usable(path: Path, use: str) -> Path:
    """Return `path`; `use` says in the message what it is for. Whether there is anything yet does not matter.

    Raises:
        UsageProblem: nothing can be there for this user: it is too long, closed, holds a NUL, or is a loop of symlinks.
    """
    try:
        os.stat(f"{path}/.")  # noqa: PTH116 - a Path drops the dot, which says whether the directory may be entered
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as err:
        why = err.strerror if isinstance(err, OSError) else err
        raise UsageProblem(f"{str(path)!r} cannot be {use} ({why}); name another") from err
    return path


def from_home(path: str) -> Path:
    """Return `path` with a `~` or `~user` at its front replaced, or as it is where that user has no home directory."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for such a user


def walk(folder: Path, enters: Callable[[str], bool]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield all below `folder` but directories, with its path below it, leaving out directories that `enters` refuses.

    Symlinks are not followed. Raises OSError where a directory cannot be listed, or lies too deep.
    """
    waiting = [(os.fspath(folder), "", 0)]
    while waiting:
        here, prefix, depth = waiting.pop()
        if depth > DEEPEST:
            raise OSError(errno.ELOOP, f"more than {DEEPEST} directories deep", here)
        with os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if not entry.is_dir(follow_symlinks=False):
                    yield f"{prefix}{entry.name}", entry
                elif enters(entry.name):
                    waiting.append((entry.path, f"{prefix}{entry.name}/", depth + 1))
