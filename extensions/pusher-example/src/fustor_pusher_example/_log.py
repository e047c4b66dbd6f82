"""A log of JSON Lines that threads and processes may share, and that survives a power cut.

A batch is its events, one a line, and then a line that commits it. What follows the last commit was promised to nobody,
so whoever holds the lock cuts it off.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from fustor_event_model import EventBase

from ._commits import Commit, Task

__all__ = ["Log"]

_HEADS = (b'{"event_type":', b'{"commit":')


class Log:
    """One file, and what its commits add up to; every call first reads what others appended meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._inode = self._read_to = 0

    def committed_index(self, task: str) -> int:
        """The index to resume from, -1 until a snapshot of this task is complete.

        Raises:
            OSError, ValueError: the file cannot be read, or is not such a log.
        """
        with self._lock, self._up_to_date():
            return self._task(task).committed_index

    def append(self, events: list[EventBase], *, task: str, session: str, phase: str, end: bool) -> int:
        """How many of the events were new; when this returns, all of them are durable.

        Raises:
            OSError, ValueError: nothing was written: the disk refused, or the file is not such a log.
        """
        digest = sha256(b"".join(map(_line, events)) + bytes([end])).hexdigest()
        with self._lock, self._up_to_date() as file:
            known = self._task(task)
            fresh = [event for event in events if not known.has(event)]
            commit = Commit.of(fresh, task=task, session=session, phase=phase, digest=digest, end=end)
            signalled = any(event.signal for event in events)
            if (known.repeats(commit) and not signalled) or not (fresh or end):
                return 0
            self._write(file, [*map(_line, fresh), json.dumps({"commit": asdict(commit)}).encode() + b"\n"])
            known.add(commit)
        return len(fresh)

    def _write(self, file: BinaryIO, lines: list[bytes]) -> None:
        try:
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):  # whoever comes next cuts it as well
                os.ftruncate(file.fileno(), self._read_to)
            raise
        self._read_to = file.tell()

    @contextmanager
    def _up_to_date(self) -> Iterator[BinaryIO]:
        """The file, locked, every commit in it known, and positioned at its end."""
        with self._open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            status = os.fstat(file.fileno())
            if status.st_ino != self._inode or status.st_size < self._read_to:  # another file: read from its beginning
                self._tasks, self._inode, self._read_to = {}, status.st_ino, 0
                _refuse_foreign(file, self._path)
                _sync_directory(self._path.parent)
            file.seek(self._read_to)
            for line in file:
                self._replay(line, file.tell())
            file.seek(self._read_to)
            file.truncate()
            yield file

    def _open(self) -> BinaryIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")

    def _task(self, task: str) -> Task:
        return self._tasks.setdefault(task, Task())

    def _replay(self, line: bytes, end: int) -> None:
        if line.startswith(_HEADS[1]) and line.endswith(b"\n"):
            commit = Commit(**json.loads(line)["commit"])
            self._task(commit.task).add(commit)
            self._read_to = end


def _line(event: EventBase) -> bytes:
    return event.model_dump_json().encode() + b"\n"


def _refuse_foreign(file: BinaryIO, path: Path) -> None:
    """Cutting the tail of a file that is somebody else's would destroy it."""
    head = file.read(max(map(len, _HEADS)))
    if not any(known.startswith(head[: len(known)]) for known in _HEADS):
        raise ValueError(f"{str(path)!r} is not a log of this driver; choose another file")


def _sync_directory(directory: Path) -> None:
    """Make the names of new files and directories durable; their contents alone would not be found again."""
    for path in (directory, directory.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
