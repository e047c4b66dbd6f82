"""Gives the committed batches back, and never skips a damaged one in silence."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fustor_event_model import EventBase
from fustor_pusher_fs._directory import segment_name, segment_numbers
from fustor_pusher_fs._errors import ConfigError, DamagedFileError
from fustor_pusher_fs._lines import COMMIT_PREFIX, Header, Mark, decode, parse_header, parse_mark


@dataclass(frozen=True, slots=True)
class CommittedBatch:
    """One batch as it was pushed, without what was a repetition."""

    events: list[EventBase]
    task: str
    session_id: str
    phase: str
    """`message_source` of the events; several are joined by `+`. Of a batch without events: `snapshot`."""
    is_snapshot_end: bool
    index: int
    """Highest index of the batch, or -1."""
    committed_index: int
    """The index that a host could resume from when this batch was durable; -1: from none."""
    number: int
    """Number of the batch in its task, from 1."""
    time: float
    """When it was written: seconds since the epoch."""
    path: Path
    """The file that holds it."""
    offset: int
    """Where it begins in that file."""


def read_events(path: str | os.PathLike[str]) -> Iterator[CommittedBatch]:
    """Yield the committed batches of a task, in the order of their commits.

    `path` is a task's directory, or one file of it. What stands behind the last commit mark of the last file is not
    committed and not yielded, be it torn or being written. Reading needs no lock and changes nothing.

    Raises:
        DamagedFileError: bytes before the last commit mark are not those that were written, or a batch is missing.
        ConfigError: there is no such directory or file, it is of a newer format, or it holds several tasks.
        OSError: reading failed.
    """
    reader = _Reader()
    files = _files(Path(path))
    for file in files:
        yield from reader.read(file, is_last=file == files[-1])


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError(f"Path {str(path)!r} is neither a directory nor a file; name a task's directory")
    files = [path / segment_name(number) for number in segment_numbers([entry.name for entry in path.iterdir()])]
    tasks = [] if files else sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    if tasks:
        raise ConfigError(f"Directory {str(path)!r} holds tasks, not files; name one of them: {', '.join(tasks)}")
    return files


def _opened(path: Path) -> IO[bytes]:
    """The file, open; a pipe or a device in its place would wait forever, or never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DamagedFileError(path, 0, "it is not a regular file")
    return os.fdopen(descriptor, "rb")


@dataclass(slots=True)
class _Pending:
    """Lines behind the last whole batch."""

    begin: int
    lines: list[bytes] = field(default_factory=list)
    damage: tuple[int, str] | None = None

    def holds(self, mark: Mark) -> bool:
        """Whether these lines are the batch of this mark, and nothing else."""
        return self._digest(b"".join(self.lines), mark) and self.damage is None

    def ends_with(self, mark: Mark) -> bool:
        """Whether the batch of this mark stands at the end of these lines."""
        lines = b"".join(self.lines)
        return mark.length_bytes <= len(lines) and self._digest(lines[len(lines) - mark.length_bytes :], mark)

    @staticmethod
    def _digest(lines: bytes, mark: Mark) -> bool:
        return len(lines) == mark.length_bytes and hashlib.sha256(lines).hexdigest() == mark.digest

    def first_damage(self) -> tuple[int, str]:
        """Offset and description of the first line that cannot be one of ours."""
        offset = self.begin
        for line in self.lines:
            if line.startswith(COMMIT_PREFIX):
                return offset, "a commit mark is not valid"
            try:
                decode(line)
            except (ValueError, KeyError, TypeError):
                return offset, "a line is not an event"
            offset += len(line)
        return self.begin, "the events are not those of their commit mark"


class _Reader:
    """Reads the segments of one task in order."""

    def __init__(self) -> None:
        self._next_batch: int | None = None
        self._task: str | None = None

    def read(self, path: Path, *, is_last: bool) -> Iterator[CommittedBatch]:
        with _opened(path) as file:
            first = file.readline()
            header = self._header(path, first)
            pending = _Pending(len(first) if header is not None else 0, [] if header is not None else [first])
            if header is None:
                pending.damage = (0, "its header line is not valid")
            offset = len(first)
            for line in file:
                offset += len(line)
                mark = parse_mark(line)
                if mark is not None and pending.holds(mark):
                    yield self._batch(path, mark, pending)
                    pending = _Pending(offset)
                    continue
                if mark is not None:
                    self._note_damage(path, mark, pending)
                pending.lines.append(line)
        if pending.lines and not is_last:
            raise DamagedFileError(path, *(pending.damage or pending.first_damage()))

    def _header(self, path: Path, line: bytes) -> Header | None:
        header = parse_header(line, path)
        if header is None:
            return None
        if self._next_batch not in {None, header.next_batch}:
            raise DamagedFileError(path, 0, f"batch {self._next_batch} is missing before it")
        if self._task not in {None, header.task}:
            raise DamagedFileError(path, 0, f"it belongs to task {header.task!r}, not {self._task!r}")
        self._next_batch, self._task = header.next_batch, header.task
        return header

    def _batch(self, path: Path, mark: Mark, pending: _Pending) -> CommittedBatch:
        if mark.batch != self._next_batch:
            raise DamagedFileError(path, pending.begin, f"batch {self._next_batch} is missing before it")
        self._next_batch = mark.batch + 1
        return CommittedBatch(
            events=[decode(line) for line in pending.lines],
            task=mark.task,
            session_id=mark.session,
            phase=mark.phase,
            is_snapshot_end=mark.is_snapshot_end,
            index=mark.index,
            committed_index=mark.committed,
            number=mark.batch,
            time=mark.time,
            path=path,
            offset=pending.begin,
        )

    @staticmethod
    def _note_damage(path: Path, mark: Mark, pending: _Pending) -> None:
        """Remember that a mark does not fit; raise if a whole batch follows, since then this is not a torn end."""
        damage = pending.damage or pending.first_damage()
        if pending.ends_with(mark):
            raise DamagedFileError(path, *damage)
        pending.damage = damage
