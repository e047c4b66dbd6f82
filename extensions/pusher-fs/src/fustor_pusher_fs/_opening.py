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
from fustor_pusher_fs._lines import (
    COMMIT_PREFIX,
    FORMAT,
    MAX_LINE_BYTES,
    Header,
    Mark,
    header_format,
    parse_header,
    parse_mark,
)
from fustor_pusher_fs._progress import UNKNOWN
from fustor_pusher_fs._segment import Segment

_log = logging.getLogger("fustor_pusher_fs")
_BLOCK_BYTES = 128 * 1024
_HASH_BYTES = 1024 * 1024
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
    cuts = 0
    for number in reversed(directory.numbers()):
        opened = _open_segment(directory, number, task, cuts)
        if opened is not None:
            return opened
        cuts += 1
    return Opened(None, next_batch=1, committed=UNKNOWN, cuts=cuts)


def _open_segment(directory: Directory, number: int, task: str, cuts: int) -> Opened | None:
    name = segment_name(number)
    descriptor = directory.open(name, os.O_RDWR)
    try:
        size = os.fstat(descriptor).st_size
        header = _header(directory, name, descriptor, size)
        if header is not None:
            return _resume(directory, descriptor, header, task, cuts)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    aside = directory.set_aside(name)
    directory.sync()
    _log.warning("File %s was never committed to; kept as %s", directory.path / name, aside)
    return None


def _header(directory: Directory, name: str, descriptor: int, size: int) -> tuple[Header, int] | None:
    line = _read_line(descriptor, 0)
    version = None if line is None else header_format(line)
    if version is not None and version != FORMAT:
        raise ConfigError(
            f"File {str(directory.path / name)!r} has format {version!r}, and this version writes format {FORMAT}; "
            "install a newer one or choose another endpoint"
        )
    header = _read_header(descriptor)
    if header is None and _last_committed(descriptor, size) is not None:
        raise DamagedFileError(directory.path / name, 0, "its header line is not valid")
    return header


def _resume(directory: Directory, descriptor: int, found: tuple[Header, int], task: str, cuts: int) -> Opened:
    header, header_end = found
    if header.task != task:
        raise ConfigError(f"Directory {str(directory.path)!r} holds task {header.task!r}, not {task!r}; move it away")
    size = os.fstat(descriptor).st_size
    last = _last_committed(descriptor, size)
    begin, end = (0, header_end) if last is None else (last.begin, last.end)
    if size > end:
        _cut(directory, segment_name(header.segment), descriptor, end, size)
        cuts += 1
    _write_again(descriptor, begin, end)
    os.fsync(descriptor)
    directory.sync()
    segment = Segment(
        directory, header.segment, descriptor, size=end, created=header.created, has_batches=last is not None
    )
    return Opened(segment, *_position(header, last), cuts=cuts)


def _position(header: Header, last: _Committed | None) -> tuple[int, int]:
    return (header.next_batch, header.committed) if last is None else (last.mark.batch + 1, last.mark.committed)


def _cut(directory: Directory, name: str, descriptor: int, end: int, size: int) -> None:
    aside, kept = directory.create_aside(name)
    try:
        _copy_bytes(descriptor, aside, end, size)
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
    """The last batch that is whole: its mark, where its event lines begin, and where its mark's line ends."""

    mark: Mark
    begin: int
    end: int


def _read_line(descriptor: int, offset: int) -> bytes | None:
    """The line at an offset, without its newline; None if it has none within the bound of our own lines."""
    line, newline, _ = os.pread(descriptor, MAX_LINE_BYTES, offset).partition(b"\n")
    return line if newline else None


def _read_header(descriptor: int) -> tuple[Header, int] | None:
    """The header of a segment and the offset behind it; None if there is none that is valid."""
    line = _read_line(descriptor, 0)
    header = None if line is None else parse_header(line)
    return None if line is None or header is None else (header, len(line) + 1)


def _last_committed(descriptor: int, end: int) -> _Committed | None:
    """The last valid commit mark before `end` whose batch is whole as well; None if there is none."""
    for offset in _line_starts(descriptor, end):
        line = _read_line(descriptor, offset)
        mark = None if line is None else parse_mark(line)
        if line is not None and mark is not None and _is_whole(descriptor, mark, offset):
            return _Committed(mark, begin=offset - mark.length_bytes, end=offset + len(line) + 1)
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
    for at in range(begin, offset, _HASH_BYTES):
        digest.update(os.pread(descriptor, min(_HASH_BYTES, offset - at), at))
    return digest.hexdigest() == mark.digest


def _copy_bytes(source: int, target: int, begin: int, end: int) -> None:
    """Append a range of one file to another."""
    while begin < end:
        block = os.pread(source, min(_HASH_BYTES, end - begin), begin)
        if not block:
            return
        begin += len(block)
        while block:
            block = block[os.write(target, block) :]


def _write_again(descriptor: int, begin: int, end: int) -> None:
    """Write a range of a file over itself.

    After a failed sync the kernel may call pages clean that never reached the disk, and a new process cannot find out;
    what is written again is dirty again, and the next sync is an honest answer.
    """
    while begin < end:
        block = os.pread(descriptor, min(_HASH_BYTES, end - begin), begin)
        if not block:
            return
        begin += os.pwrite(descriptor, block, begin)
