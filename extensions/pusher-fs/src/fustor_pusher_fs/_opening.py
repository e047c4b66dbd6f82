"""Opens the last segment of a task: finds how far it is committed, and cuts off what is behind.

The last commit mark is looked for from the end, so that opening takes as long for a gigabyte as for a line.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass

from fustor_pusher_fs._directory import Directory, segment_name
from fustor_pusher_fs._errors import ConfigError, DamagedFileError
from fustor_pusher_fs._lines import COMMIT_PREFIX, MAX_LINE_BYTES, Mark, parse_header, parse_mark
from fustor_pusher_fs._progress import UNKNOWN
from fustor_pusher_fs._segment import Segment, write_at

_log = logging.getLogger("fustor_pusher_fs")
_BLOCK_BYTES = 128 * 1024
_PIECE_BYTES = 1024 * 1024
_NEEDLE = b"\n" + COMMIT_PREFIX


@dataclass(frozen=True, slots=True)
class Opened:
    """Where a task's log stands."""

    segment: Segment | None
    next_batch: int
    committed: int
    cuts: int
    """How many uncommitted pieces were set aside."""


def open_last(directory: Directory, task: str) -> Opened:
    """Open the last segment that was ever committed to, ready to be written on.

    Raises:
        OSError: as from the system calls; nothing was changed that the next attempt cannot go on with.
        ConfigError: the files are another task's, or of a newer format.
        DamagedFileError: there are committed batches behind a header that is not valid.
    """
    numbers = directory.numbers()
    for cuts, number in enumerate(reversed(numbers)):
        opened = _open_segment(directory, number, task, cuts)
        if opened is not None:
            return opened
    return Opened(None, next_batch=1, committed=UNKNOWN, cuts=len(numbers))


def _open_segment(directory: Directory, number: int, task: str, cuts: int) -> Opened | None:
    name = segment_name(number)
    descriptor = directory.open(name, os.O_RDWR)
    try:
        opened = _resume(directory, name, descriptor, task, cuts)
    except BaseException:
        os.close(descriptor)
        raise
    if opened is None:
        os.close(descriptor)
        aside = directory.set_aside(name)
        directory.sync()
        _log.warning("File %s was never committed to; kept as %s", directory.path / name, aside)
    return opened


def _resume(directory: Directory, name: str, descriptor: int, task: str, cuts: int) -> Opened | None:
    """The segment, ready to be written on; None, and nothing is changed, if it has neither a header nor a batch."""
    size = os.fstat(descriptor).st_size
    line = _read_line(descriptor, 0)
    header = parse_header(line, directory.path / name)
    last = _last_committed(descriptor, size)
    if header is None:
        if last is None:
            return None
        raise DamagedFileError(directory.path / name, 0, "its header line is not valid")
    if header.task != task:
        raise ConfigError(f"Directory {str(directory.path)!r} holds task {header.task!r}, not {task!r}; move it away")
    has_batches = last is not None
    last = last or _Committed(header.next_batch, header.committed, begin=0, end=len(line))
    if size > last.end:
        _cut(directory, name, descriptor, last.end, size)
        cuts += 1
    _write_again(descriptor, last.begin, last.end)
    os.fsync(descriptor)
    directory.sync()
    segment = Segment(
        directory, header.segment, descriptor, size=last.end, created=header.created, has_batches=has_batches
    )
    return Opened(segment, last.next_batch, last.committed, cuts)


def _cut(directory: Directory, name: str, descriptor: int, end: int, size: int) -> None:
    aside, kept = directory.create_aside(name)
    try:
        for offset, block in _blocks(descriptor, end, size):
            write_at(aside, block, offset - end)
        os.fsync(aside)
    except BaseException:
        directory.remove(kept)
        raise
    finally:
        os.close(aside)
    directory.sync()
    os.ftruncate(descriptor, end)
    _log.warning(
        "Cut %d uncommitted bytes off %s at offset %d; kept as %s", size - end, directory.path / name, end, kept
    )


@dataclass(frozen=True, slots=True)
class _Committed:
    """How far a segment is committed, and where the last batch stands; its header, where it has no batch."""

    next_batch: int
    committed: int
    begin: int
    end: int


def _read_line(descriptor: int, offset: int) -> bytes:
    """The line at an offset; without a newline if it has none within the bound of our own lines."""
    line, newline, _ = os.pread(descriptor, MAX_LINE_BYTES, offset).partition(b"\n")
    return line + newline


def _last_committed(descriptor: int, end: int) -> _Committed | None:
    """The last valid commit mark before `end` whose batch is whole as well; None if there is none."""
    for offset in _line_starts(descriptor, end):
        line = _read_line(descriptor, offset)
        mark = parse_mark(line)
        if mark is not None and _is_whole(descriptor, mark, offset):
            return _Committed(mark.batch + 1, mark.committed, offset - mark.length_bytes, offset + len(line))
    return None


def _line_starts(descriptor: int, end: int) -> Iterator[int]:
    """Offsets of lines that begin like a mark, the last one first."""
    overlap = len(_NEEDLE) - 1
    high = end
    while high > 0:
        low = max(0, high - _BLOCK_BYTES)
        block = os.pread(descriptor, high - low + overlap, low)
        at = block.rfind(_NEEDLE)
        while at >= 0:
            yield low + at + 1
            at = block.rfind(_NEEDLE, 0, at + overlap)
        high = low


def _is_whole(descriptor: int, mark: Mark, offset: int) -> bool:
    begin = offset - mark.length_bytes
    if begin < 0 or mark.length_bytes < 0:
        return False
    digest = hashlib.sha256()
    for _, block in _blocks(descriptor, begin, offset):
        digest.update(block)
    return digest.hexdigest() == mark.digest


def _write_again(descriptor: int, begin: int, end: int) -> None:
    """Write a range of a file over itself.

    After a failed sync the kernel may call pages clean that never reached the disk, and a new process cannot find out;
    what is written again is dirty again, and the next sync is an honest answer.
    """
    for offset, block in _blocks(descriptor, begin, end):
        write_at(descriptor, block, offset)


def _blocks(descriptor: int, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """A range of a file in pieces, each with its offset; as far as the file goes."""
    while begin < end and (block := os.pread(descriptor, min(_PIECE_BYTES, end - begin), begin)):
        yield begin, block
        begin += len(block)
