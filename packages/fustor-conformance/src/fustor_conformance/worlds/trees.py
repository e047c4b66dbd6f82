"""A World that is a local directory, ready made: `class World(FileTree)` with the driver's name and parameters.

Everything that a directory can go through beside create, modify, delete and rename (touch, empty files, moves over the
edge, slow writes and so on) the kit does to such a World by itself.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

__all__ = ["Directory", "FileTree"]

_NOBODY = 65534
_SET_DUMPABLE = 4


class Directory:
    """What has a path is at a place below the root, and what has a key is to be made there."""

    root: Path
    _serial = 0
    _piece = b"x"

    def delete(self, path: str) -> None:
        """Removes a file, or a directory and all below it."""
        place = self.place_of(path)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()

    def path_of(self, place: Path) -> str:
        """The path that the source gives to what is at this place."""
        return "/" + place.relative_to(self.root).as_posix()

    def place_of(self, path: str) -> Path:
        """Where what has this path lies."""
        return self.root / path.lstrip("/")

    def _new(self, key: str) -> Path:
        place = self.root / key
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _write(self, place: Path) -> None:
        """Something longer each time."""
        self._serial += 1
        place.write_bytes(self._piece * self._serial)


class FileTree(Directory):
    """A fresh tree for one test. Where rows name things otherwise, override `path_of` and `place_of`."""

    driver: ClassVar[str] = ""
    """The driver's name; the one that is judged, if it is left empty."""
    params: ClassVar[dict[str, Any]] = {}
    """Its `driver_params`, with short waits."""
    operations = frozenset({"create", "modify", "delete", "rename", "nest"})

    def __enter__(self) -> Self:
        """An empty root, in a directory that others may enter."""
        self._directory = TemporaryDirectory(prefix="fustor-world-")
        base = Path(os.path.realpath(self._directory.name))
        base.chmod(0o755)
        self.root = base / "root"
        self.root.mkdir()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Removes the tree."""
        self._directory.cleanup()

    def config(self) -> dict[str, Any]:
        """A source that reads this tree."""
        named = {"driver": self.driver} if self.driver else {}
        return {**named, "uri": self.root.as_uri(), "retry_delay_sec": 0.05, "driver_params": dict(self.params)}

    def broken(self) -> dict[str, Any]:
        """A root that does not exist."""
        return {**self.config(), "uri": (self.root / "missing").as_uri(), "max_retries": 1}

    def create(self, key: str) -> str:
        """A new file; directories on the way to it are made."""
        place = self._new(key)
        self._write(place)
        return self.path_of(place)

    def modify(self, path: str) -> None:
        """Another size and another time."""
        self._write(self.place_of(path))

    def rename(self, path: str, key: str) -> str:
        """Another name for the same file or directory."""
        place = self._new(key)
        self.place_of(path).rename(place)
        return self.path_of(place)

    def list(self) -> dict[str, dict[str, Any]]:
        """Every path below the root; directories by their kind alone."""
        rows: dict[str, dict[str, Any]] = {}
        for where, directories, files in os.walk(self.root):
            for name in (*directories, *files):
                place = Path(where, name)
                rows[self.path_of(place)] = _expected(place.lstat())
        return rows

    @contextmanager
    def unreadable(self, path: str) -> Iterator[None]:
        """While the block runs nobody but root can list the directory, and this process is not root."""
        place = self.place_of(path)
        mode = stat.S_IMODE(place.stat().st_mode)
        place.chmod(0)
        is_root = os.geteuid() == 0
        try:
            if is_root:
                os.seteuid(_NOBODY)
                _keep_own_proc_readable()
            yield
        finally:
            if is_root:
                os.seteuid(0)
                _keep_own_proc_readable()
            place.chmod(mode)

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """While the block runs the root is elsewhere."""
        aside = self.root.with_name("aside")
        self.root.rename(aside)
        try:
            yield
        finally:
            aside.rename(self.root)


def _keep_own_proc_readable() -> None:
    """Linux hides /proc/self from a process that changes its user, and some drivers look there. Source: prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 1, 0, 0, 0)


def _expected(status: os.stat_result) -> dict[str, Any]:
    if stat.S_ISDIR(status.st_mode):
        return {"is_directory": True}
    return {"is_directory": False, "size": status.st_size, "mtime": status.st_mtime}
