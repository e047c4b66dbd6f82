"""The root of the tree: opening it, and telling whether it is still the same one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from fustor_source_fs._filter import Accept

__all__ = ["OPEN_CHILD", "VANISHED", "Root", "Scope", "file_system_of", "open_chain", "open_child", "resolve"]

VANISHED = (FileNotFoundError, NotADirectoryError)
"""A directory that is gone, or that something else has replaced: an ordinary race."""

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
OPEN_CHILD = _OPEN | os.O_NOFOLLOW
_PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_MOUNTS = "/proc/self/mountinfo"


@dataclass(frozen=True)
class Scope:
    """What belongs to the source: everything below `root` that the options admit."""

    root: Root
    accept: Accept | None
    one_file_system: bool
    follow_symlinks: bool

    @property
    def shares_directories(self) -> bool:
        """Whether one directory may be reached by two paths, so that loops are possible."""
        return self.follow_symlinks or not self.one_file_system


class Root:
    """An absolute path, and what was mounted under it when it was first used.

    `path` has no symbolic links in it. A disk that is unmounted leaves a directory of the same name; `is_mounted`
    tells the two apart.
    """

    def __init__(self, path: str) -> None:
        self.path = "" if path == "/" else path
        self._mount: str | None = None

    def open(self) -> int:
        """A descriptor of the root directory.

        Raises:
            OSError: it is not there, cannot be read, or is no directory.
        """
        return os.open(self.path or "/", _OPEN)

    def remember_mount(self) -> None:
        """Take what is mounted under the root now for the right disk, unless that was known before."""
        if self._mount is None:
            self._mount = self._mount_now()

    def is_mounted(self) -> bool:
        """Whether the root lies on the same mount as when it was first used."""
        return self._mount is None or self._mount == self._mount_now()

    def mount_points(self) -> frozenset[str]:
        """Where something is mounted below the root, as paths that begin at the root: "/a/b"."""
        prefix = self.path + "/"
        return frozenset(
            mount.point[len(self.path) :]
            for mount in _mounts()
            if mount.point.startswith(prefix) and mount.point != "/"
        )

    def _mount_now(self) -> str:
        mount = _mount_above(self.path)
        return mount.identity if mount else ""


@dataclass(frozen=True)
class _Mount:
    point: str
    identity: str
    kind: str


def _mounts() -> list[_Mount]:
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as table:  # noqa: PTH123 - procfs
            lines = table.read().splitlines()
    except FileNotFoundError:  # not Linux: mounts are then told apart by their device alone
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
    """The kind of file system that a path without links lies on, "" where the system does not tell."""
    mount = _mount_above(path)
    return mount.kind if mount else ""


def _mount_above(path: str) -> _Mount | None:
    above = [mount for mount in _mounts() if f"{path}/".startswith(mount.point.rstrip("/") + "/")]
    return max(reversed(above), key=lambda mount: len(mount.point), default=None)


def open_child(parent: int, name: str, *, follow: bool = False) -> int:
    """A descriptor of the directory `name` in the directory `parent`; a symbolic link is refused unless followed."""
    return os.open(name, _OPEN if follow else OPEN_CHILD, dir_fd=parent)


def open_chain(start: int, names: Iterable[str], *, follow: bool = False) -> int:
    """A descriptor of the directory that `names` lead to from `start`, which is closed.

    Name by name: no length of a path is too great, and no link that was swapped in is followed.
    """
    flags = 0 if follow else os.O_NOFOLLOW
    here = start
    chain = list(names)
    for position, name in enumerate(chain, 1):
        try:
            there = os.open(name, (_OPEN if position == len(chain) else _PASS) | flags, dir_fd=here)
        finally:
            os.close(here)
        here = there
    return here


def resolve(path: str) -> str:
    """The path without symbolic links. A root that is a link is meant as the directory that it leads to."""
    return os.path.realpath(path)
