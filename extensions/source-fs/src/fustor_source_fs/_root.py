"""The root of the tree: opening it, and finding out whether it is still the same one."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "OPEN_CHILD",
    "VANISHED",
    "Root",
    "file_system_of",
    "is_same_or_closed",
    "open_chain",
    "open_child",
    "place_of",
    "require_within",
]

VANISHED = (FileNotFoundError, NotADirectoryError)
"""A directory that is gone, or that something else has replaced: an ordinary race."""

_log = logging.getLogger(__name__)

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
OPEN_CHILD = _OPEN | os.O_NOFOLLOW
_PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_MOUNTS = "/proc/self/mountinfo"


class Root:
    """An absolute path, and the file system that it lay on when it was first used.

    `path` has no symbolic links in it. A disk that is unmounted leaves a directory of the same name, and another disk
    may be mounted there; `is_mounted` distinguishes them.
    """

    def __init__(self, path: str) -> None:
        self.path = "" if path == "/" else path
        self._mount: str | None = None
        self._mounted_below: frozenset[str] = frozenset()
        self._lost_before: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.path or "/"

    def open(self) -> int:
        """A descriptor of the root directory.

        Raises:
            OSError: it is not there, cannot be read, or is not a directory.
        """
        return os.open(self.path or "/", _OPEN)

    @property
    def is_known(self) -> bool:
        """Whether a file system was taken for the right one."""
        return self._mount is not None

    def remember_mount(self, fd: int) -> None:
        """Take the file system of the open root for the right one."""
        self._mount = self._mount_now(fd)

    def is_mounted(self, fd: int) -> bool:
        """Whether the open root lies on the file system that was taken for the right one, if one was."""
        return self._mount is None or self._mount == self._mount_now(fd)

    def lost_mounts(self) -> frozenset[str]:
        """Where something was mounted below the root when this was asked before, and nothing is now.

        What is left there is an empty directory: not what the mount held.
        """
        now = self.mount_points()
        lost = self._mounted_below - now
        for point in lost - self._lost_before:
            _log.warning("What was mounted under %r is gone; nothing is claimed about what it holds", self.path + point)
        self._mounted_below |= now
        self._lost_before = lost
        return lost

    def mount_points(self) -> frozenset[str]:
        """Where something is mounted below the root, as paths that begin at the root: "/a/b"."""
        prefix = self.path + "/"
        return frozenset(
            mount.point[len(self.path) :]
            for mount in _mounts()
            if mount.point.startswith(prefix) and mount.point != "/"
        )

    def _mount_now(self, fd: int) -> str:
        mount = _mount_above(self.path)
        return f"{mount.identity if mount else ''} {os.fstatvfs(fd).f_fsid}"


@dataclass(frozen=True)
class _Mount:
    point: str
    identity: str
    kind: str


def _mounts() -> list[_Mount]:
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as table:  # noqa: PTH123 - procfs
            lines = table.read().splitlines()
    except FileNotFoundError:  # not Linux: mounts are then distinguished by their device alone
        return []
    return [_parse_mount(line) for line in lines]


def _parse_mount(line: str) -> _Mount:
    """Fields: id, parent, major:minor, root, point, options..., "-", type, source. Source: proc(5)."""
    left, _, right = line.partition(" - ")
    fields = left.split(" ")
    point = fields[4]
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, char)
    kind, source = right.split(" ")[:2]
    return _Mount(point, f"{fields[3]} {point} {kind} {source}", kind)


def file_system_of(path: str) -> str:
    """The kind of file system that a path without links lies on, "" where the system does not say."""
    mount = _mount_above(path)
    return mount.kind if mount else ""


def _mount_above(path: str) -> _Mount | None:
    above = [mount for mount in _mounts() if f"{path}/".startswith(mount.point.rstrip("/") + "/")]
    return max(reversed(above), key=lambda mount: len(mount.point), default=None)


def open_child(parent: int, name: str, *, within: Root | None = None) -> int:
    """A descriptor of the directory `name` in the directory `parent`.

    A symbolic link is refused, or followed to what lies `within` that root: what was opened is looked at, not its name,
    which may lead elsewhere by now.
    """
    fd = os.open(name, _OPEN if within else OPEN_CHILD, dir_fd=parent)
    if within:
        require_within(within, fd)
    return fd


def require_within(root: Root, fd: int) -> None:
    """Close an open directory that does not lie below the root.

    Raises:
        FileNotFoundError: it does not; in its place nothing is to be found.
    """
    place = place_of(fd)
    if place != str(root) and not place.startswith(root.path + "/"):
        os.close(fd)
        raise FileNotFoundError(errno.ENOENT, "It lies outside the root", place)


def is_same_or_closed(fd: int, identity: tuple[int, int] | None) -> bool:
    """Whether an open directory is the one with this device and inode; another one is closed."""
    status = os.fstat(fd)
    if (status.st_dev, status.st_ino) == identity:
        return True
    os.close(fd)
    return False


def place_of(fd: int) -> str:
    """Where an open file lies now, without links. Raises OSError where the system does not say."""
    return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - raw names


def open_chain(start: int, names: Iterable[str], *, within: Root | None = None) -> int:
    """A descriptor of the directory that `names` lead to from `start`, which is closed.

    Name by name: no length of a path is too great. Links are treated as `open_child` does.
    """
    flags = 0 if within else os.O_NOFOLLOW
    here = start
    chain = list(names)
    for position, name in enumerate(chain, 1):
        try:
            there = os.open(name, (_OPEN if position == len(chain) else _PASS) | flags, dir_fd=here)
        finally:
            os.close(here)
        here = there
    if within:
        require_within(within, here)
    return here
