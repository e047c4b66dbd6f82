"""Everything below one directory, reached step by step from there, so that no symlink leads anywhere else."""

import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from fustor_new._reading import DEEPEST, Found, read_file
from fustor_new.changes.content import LARGEST_BYTES, Print, Tree, digest, fingerprint
from fustor_new.errors import TargetConflict

__all__ = ["Below"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Below:
    """The directory `root`, held open, and what is below it; every path is absolute, and inside of it.

    Whatever stands in the way of a path (a symlink, a file in place of a directory) is a TargetConflict that names it,
    and what the disk does not allow an OSError with the whole path.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._root)

    def status(self, path: Path) -> os.stat_result | None:
        """Return what is known of the entry at `path` itself, None where there is none."""
        try:
            with self._parent(path) as (folder, name):
                return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def exists(self, path: Path) -> bool:
        """Tell whether anything is at `path`."""
        return self.status(path) is not None

    def is_directory(self, path: Path) -> bool:
        """Tell whether a directory is at `path`."""
        status = self.status(path)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def read(self, path: Path) -> Found:
        """Return the file at `path`; raises OSError where there is none, or something else."""
        with self._parent(path) as (folder, _):
            return read_file(path, limit_bytes=LARGEST_BYTES, within=folder)

    def fingerprint(self, path: Path, litter: Collection[str] | None = None) -> Print:
        """Return what tells apart what is at `path`; a directory is looked into where `litter` is given."""
        status = self.status(path)
        if status is None:
            return None
        if stat.S_ISDIR(status.st_mode) and litter is not None:
            return fingerprint(Tree.read(path, frozenset(litter)))
        return digest(self.read(path).data) if stat.S_ISREG(status.st_mode) else ""

    def names(self, path: Path) -> list[str]:
        """Return what is in the directory at `path`."""
        with self._directory(path) as folder:
            return sorted(os.listdir(folder))  # noqa: PTH208 - of an open directory

    def make_directory(self, path: Path, mode: int = 0o777) -> None:
        """Make the directory at `path`, with what the umask leaves of `mode`."""
        with self._parent(path) as (folder, name):
            os.mkdir(name, mode, dir_fd=folder)

    def make_parents(self, path: Path) -> None:
        """Make the directories above `path` that are not there."""
        for parent in reversed(self._between(path)):
            with suppress(FileExistsError):
                self.make_directory(parent)

    def set_mode(self, path: Path, mode: int) -> None:
        """Give the directory at `path` a mode."""
        with self._directory(path) as folder:
            os.fchmod(folder, mode & 0o777)

    def write_new(self, path: Path, data: bytes, mode: int, like: os.stat_result | None = None) -> None:
        """Create the file `path`, readable by its owner alone until it is whole; it lasts when this returns.

        Then it gets what the umask leaves of `mode`; with `like`, instead, `mode` and that owner as far as we may.
        Where the group cannot be given, the group's rights shrink to those of all others.
        """
        with self._parent(path) as (folder, name):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o600, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if like is not None:
                _give(descriptor, like)
            os.fchmod(descriptor, _mode(descriptor, mode, like))
            os.fsync(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Move what is at `old` to `new`, over a file that is there; lasts when this returns."""
        with self._parent(old) as (source, old_name), self._parent(new) as (target, new_name):
            os.rename(old_name, new_name, src_dir_fd=source, dst_dir_fd=target)
            os.fsync(source)
            os.fsync(target)

    def remove_file(self, path: Path) -> None:
        """Remove the entry at `path`, which is not a directory."""
        with self._parent(path) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def remove_empty(self, path: Path) -> bool:
        """Remove the directory at `path` if it is empty; tell whether it is gone."""
        try:
            with self._parent(path) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except OSError:  # it is not empty, or has to stay for a reason of its own
            return False
        return True

    def remove_tree(self, path: Path) -> None:
        """Remove the directory at `path` and all in it, if it is there and ours."""
        status = self.status(path)
        if status is not None and stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            with self._parent(path) as (folder, name), suppress(FileNotFoundError):
                shutil.rmtree(name, dir_fd=folder)

    def sync_tree(self, path: Path) -> None:
        """Make the names in the directory at `path`, and in all below it, last through a power cut."""
        for name in self.names(path):
            if self.is_directory(path / name):
                self.sync_tree(path / name)
        with self._directory(path) as folder:
            os.fsync(folder)

    def standing_parents(self, path: Path) -> list[Path]:
        """Return the directories between the root and `path`, both left out, that are there, the innermost first."""
        return [parent for parent in self._between(path) if self.is_directory(parent)]

    def missing_parents(self, path: Path) -> list[Path]:
        """Return the directories above `path` that are not there, the outermost first."""
        return [parent for parent in reversed(self._between(path)) if not self.exists(parent)]

    def prune(self, path: Path) -> None:
        """Remove the directories between the root and `path` that are empty now, as git does with the last file."""
        for parent in self._between(path):
            if not self.remove_empty(parent):
                return

    def _between(self, path: Path) -> list[Path]:
        return [self.root / parent for parent in path.relative_to(self.root).parents[:-1]]

    def _parts(self, path: Path) -> tuple[str, ...]:
        if not path.is_relative_to(self.root) or ".." in path.parts:
            raise TargetConflict(f"{str(path)!r} lies outside of {str(self.root)!r}, where nothing is written")
        parts = path.relative_to(self.root).parts
        if len(parts) > DEEPEST:
            raise TargetConflict(f"{str(path)!r} lies more than {DEEPEST} directories deep; move it up")
        return parts

    @contextmanager
    def _parent(self, path: Path) -> Iterator[tuple[int, str]]:
        """Give the open directory that `path` lies in, and its name there."""
        if not self._parts(path):
            raise TargetConflict(f"{str(path)!r} is where the run works, and stays as it is")
        with self._directory(path.parent) as folder:
            try:
                yield folder, path.name
            except OSError as err:
                raise type(err)(err.errno, err.strerror, str(path)) from err

    @contextmanager
    def _directory(self, path: Path) -> Iterator[int]:
        """Give the open directory at `path`."""
        descriptor, here = os.dup(self._root), self.root
        try:
            for name in self._parts(path):
                here /= name
                inner = _entered(name, descriptor, here)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


def _entered(name: str, folder: int, here: Path) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=folder)
    except OSError as err:
        if err.errno in {errno.ENOTDIR, errno.ELOOP}:
            raise TargetConflict(
                f"{str(here)!r} is a symlink, or not a directory; nothing is written through it, put a directory there"
            ) from err
        raise type(err)(err.errno, err.strerror, str(here)) from err


def _give(descriptor: int, like: os.stat_result) -> None:
    """Give the open file to the owner and group in `like`, as far as we may."""
    for owner, group in ((like.st_uid, -1), (-1, like.st_gid)):
        with suppress(PermissionError):
            os.fchown(descriptor, owner, group)


def _mode(descriptor: int, mode: int, like: os.stat_result | None) -> int:
    """Return the mode that the open file gets: never with bits that let it run as somebody else."""
    if like is None:
        mask = os.umask(0o077)
        os.umask(mask)
        return mode & 0o777 & ~mask
    others = (mode & 0o007) << 3
    is_same_group = os.fstat(descriptor).st_gid == like.st_gid
    return mode & 0o777 if is_same_group else mode & 0o707 | mode & others
