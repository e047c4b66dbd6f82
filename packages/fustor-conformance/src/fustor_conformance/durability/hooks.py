"""What a process sees of its own file work: names made, files synced, and every call that may change something outside.

Install it before the driver is imported: what was imported from `os` by name is not seen otherwise.
"""

# ruff: noqa: PTH109, PTH115, PTH117, PTH118, PTH119, PTH120 - names as the system has them

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from fustor_conformance.durability.disk import Disk

__all__ = ["Boundaries", "install", "watch"]

_CALLS = frozenset(
    {"write", "writelines", "pwrite", "writev", "pwritev", "flush", "fsync", "fdatasync", "sync", "open", "close"}
    | {"rename", "replace", "link", "symlink", "unlink", "remove", "truncate", "ftruncate", "mkdir", "__exit__"}
    | {"execute", "executemany", "executescript", "commit", "rollback", "copy_expert", "copy_from"}
    | {"send", "sendall", "sendmsg", "sendto"}
)
_BEHIND = frozenset({"fsync", "fdatasync", "sync", "syncfs", "syscall", "sync_file_range", "msync"})
_PROCESSES = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork"})
_disk_module = Disk.__module__
_disk: Disk | None = None


def install() -> None:
    """Wrap what `os` offers, and listen to the interpreter; nothing is noted before `watch`."""
    for name in ("fsync", "fdatasync"):
        _wrap_sync(name)
    for name in ("rename", "replace", "link", "symlink"):
        _wrap(name, lambda disk, args, more: disk.renames(_path(args[1], more.get("dst_dir_fd"))))
    for name in ("unlink", "remove"):
        _wrap(name, lambda disk, args, more: disk.removes(_path(args[0], more.get("dir_fd"))))
    _wrap("mkdir", lambda disk, args, more: disk.renames(_path(args[0], more.get("dir_fd"))))
    _wrap("sync", lambda disk, _, __: disk.synced_all(), first=False)
    _wrap_open()
    sys.addaudithook(_heard)


def watch(disk: Disk | None) -> None:
    """From now on this disk is told."""
    global _disk  # noqa: PLW0603 - hooks of the interpreter are the process's, not an object's
    _disk = disk


def _wrap(name: str, tell: Callable[[Disk, tuple[Any, ...], dict[str, Any]], None], *, first: bool = True) -> None:
    original = getattr(os, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if _disk is not None and first:
            tell(_disk, args or tuple(kwargs.values()), kwargs)
        answer = original(*args, **kwargs)
        if _disk is not None and not first:
            tell(_disk, args, kwargs)
        return answer

    setattr(os, name, wrapped)


def _wrap_sync(name: str) -> None:
    original = getattr(os, name)

    @functools.wraps(original)
    def wrapped(fd: Any) -> None:
        if _disk is None:
            original(fd)
            return
        descriptor = fd if isinstance(fd, int) else fd.fileno()
        content = _disk.content(descriptor)
        original(fd)
        _disk.synced(descriptor, content)

    setattr(os, name, wrapped)


def _wrap_open() -> None:
    original = os.open

    @functools.wraps(original)
    def wrapped(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if _disk is not None:
            _disk.opens(_path(path, dir_fd), flags)
        return original(path, flags, mode, dir_fd=dir_fd)

    os.open = wrapped


def _heard(event: str, args: tuple[Any, ...]) -> None:
    if _disk is None:
        return
    if event == "open" and isinstance(args[0], str | bytes | os.PathLike) and os.path.isabs(os.fsdecode(args[0])):
        _disk.opens(_path(args[0], None), args[2])
    elif event == "sqlite3.connect":
        _disk.leaves(_path(str(args[0]).removeprefix("file:").partition("?")[0], None))
    elif event in _PROCESSES or event == "mmap.__new__" or _is_behind(event, args):
        _disk.blind = f"The driver uses {event}: what it syncs there is not seen"


def _is_behind(event: str, args: tuple[Any, ...]) -> bool:
    return event.startswith("ctypes.dlsym") and bool(_BEHIND & {str(arg) for arg in args})


def _path(path: Any, directory: int | None) -> str:
    above = os.getcwd() if directory is None else os.readlink(f"/proc/self/fd/{directory}")
    name = os.path.normpath(os.path.join(above, os.fsdecode(path)))
    return os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name))


@dataclass
class Boundaries:
    """The calls of one push that may change something outside: `reached` hears of each, before and after it is made."""

    reached: Callable[[str], None]
    is_armed: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def listen(self) -> None:
        """In this thread and in those that begin from now on."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def _profile(self, frame: FrameType, event: str, arg: Any) -> None:
        if not self.is_armed or event not in ("c_call", "c_return") or arg.__name__ not in _CALLS:
            return
        if frame.f_globals.get("__name__") != _disk_module:
            with self._lock:
                self.reached(f"{'before' if event == 'c_call' else 'after'} {arg.__name__}")
