"""The world of the conformance kit: a directory tree, changed and read without the driver."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from fustor_source_fs._names import name_of, text_of

__all__ = ["World"]

_DEMO_SEC = 0.5
_TICK_SEC = 0.05
_NOBODY = 65534
_SET_DUMPABLE = 4


class World:
    """A fresh tree for one test."""

    operations = frozenset({"create", "modify", "delete", "rename", "nest"})
    hostile_keys = ("new\nline", 'quo"te', "tab\there", "caf\udce9", "caf\u00e9", "cafe\u0301", "\ufffdE9", "100%", " ")

    def __enter__(self) -> Self:
        """An empty root."""
        self._directory = TemporaryDirectory(prefix="fustor-source-fs-")
        base = Path(os.path.realpath(self._directory.name))
        base.chmod(0o755)
        self._root = base / "root"
        self._root.mkdir()
        self._serial = 0
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Removes the tree."""
        self._directory.cleanup()

    def config(self) -> dict[str, Any]:
        """A source that reads this tree, with short waits."""
        return {
            "driver": "fs",
            "uri": self._root.as_uri(),
            "disabled": False,
            "max_retries": 100,
            "retry_delay_sec": 0.05,
            "driver_params": {"settle_sec": 0.1, "clock_granularity_sec": _TICK_SEC, "full_audit_every": 0},
        }

    def broken(self) -> dict[str, Any]:
        """A root that does not exist."""
        return self.config() | {"uri": (self._root / "missing").as_uri(), "max_retries": 1}

    def excluding(self, suffix: str) -> dict[str, Any]:
        """A source that leaves out what is called so."""
        config = self.config()
        return config | {"driver_params": config["driver_params"] | {"exclude": [f"*{suffix}"]}}

    def create(self, key: str) -> str:
        """A new file; directories on the way to it are made."""
        place = self._root / key
        place.parent.mkdir(parents=True, exist_ok=True)
        self._write(place)
        return self._path(place)

    def modify(self, path: str) -> None:
        """Another size and another time."""
        self._write(self._place(path))

    def delete(self, path: str) -> None:
        """Removes a file, or a directory and all below it."""
        place = self._place(path)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()

    def rename(self, path: str, key: str) -> str:
        """Another name for the same file or directory."""
        place = self._root / key
        place.parent.mkdir(parents=True, exist_ok=True)
        self._place(path).rename(place)
        return self._path(place)

    def list(self) -> dict[str, dict[str, Any]]:
        """Every path below the root, as `os.walk` finds them; directories by their kind alone."""
        rows: dict[str, dict[str, Any]] = {}
        for where, directories, files in os.walk(self._root):
            for name in (*directories, *files):
                place = Path(where, name)
                status = place.lstat()
                if stat.S_ISDIR(status.st_mode):
                    rows[self._path(place)] = {"is_directory": True}
                else:
                    fields = {"is_directory": False, "size": status.st_size, "mtime": status.st_mtime}
                    rows[self._path(place)] = fields
        return rows

    @contextmanager
    def unreadable(self, path: str) -> Iterator[None]:
        """While the block runs nobody but root can list the directory, and this process is not root."""
        place = self._place(path)
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
        aside = self._root.with_name("aside")
        self._root.rename(aside)
        try:
            yield
        finally:
            aside.rename(self._root)

    def settle(self) -> None:
        """Waits until the stamps of all directories are older than the granularity that `config` states."""
        threading.Event().wait(2 * _TICK_SEC)

    @classmethod
    @contextmanager
    def demo(cls) -> Iterator[dict[str, Any]]:
        """A tree in which files come, change, move and go until the context is left."""
        stopped = threading.Event()
        with cls() as world:
            world.create("inbox/letter 0")  # an empty root would be warned of
            mover = threading.Thread(target=world._run, args=(stopped,))
            mover.start()
            try:
                yield world.config()
            finally:
                stopped.set()
                mover.join()

    def _run(self, stopped: threading.Event) -> None:
        day = 0
        while not stopped.wait(_DEMO_SEC):
            day += 1
            path = self.create(f"inbox/letter {day}")
            if day % 2:
                self.modify(path)
            if day % 3 == 0:
                self.rename(path, f"archive/{day // 10}/letter {day}")
            if day > 10 and (self._root / f"inbox/letter {day - 10}").exists():  # noqa: PLR2004 - a screenful
                self.delete(f"/inbox/letter {day - 10}")

    def _write(self, place: Path) -> None:
        self._serial += 1
        place.write_bytes(b"x" * self._serial)

    def _place(self, path: str) -> Path:
        return self._root.joinpath(*(name_of(part) for part in path.split("/")[1:]))

    def _path(self, place: Path) -> str:
        return "/" + "/".join(text_of(part) for part in place.relative_to(self._root).parts)


def _keep_own_proc_readable() -> None:
    """Linux hides /proc/self from a process that changes its user; watches are set through it. Source: prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 1, 0, 0, 0)
