"""Opens the last segment of a task: finds how far it is committed, and cuts off what is behind."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from fustor_pusher_fs._directory import Directory, segment_name
from fustor_pusher_fs._errors import ConfigError, DamagedFileError
from fustor_pusher_fs._mark import FORMAT, Header, header_format
from fustor_pusher_fs._progress import UNKNOWN
from fustor_pusher_fs._recovery import Committed, copy_bytes, last_committed, read_header, read_line, write_again
from fustor_pusher_fs._segment import Segment

_log = logging.getLogger("fustor_pusher_fs")


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
    line = read_line(descriptor, 0)
    version = None if line is None else header_format(line)
    if version is not None and version != FORMAT:
        raise ConfigError(
            f"File {str(directory.path / name)!r} has format {version!r}, and this version writes format {FORMAT}; "
            "install a newer one or choose another endpoint"
        )
    header = read_header(descriptor)
    if header is None and last_committed(descriptor, size) is not None:
        raise DamagedFileError(directory.path / name, 0, "its header line is not valid")
    return header


def _resume(directory: Directory, descriptor: int, found: tuple[Header, int], task: str, cuts: int) -> Opened:
    header, header_end = found
    if header.task != task:
        raise ConfigError(f"Directory {str(directory.path)!r} holds task {header.task!r}, not {task!r}; move it away")
    size = os.fstat(descriptor).st_size
    last = last_committed(descriptor, size)
    begin, end = (0, header_end) if last is None else (last.begin, last.end)
    if size > end:
        _cut(directory, segment_name(header.segment), descriptor, end, size)
        cuts += 1
    write_again(descriptor, begin, end)
    os.fsync(descriptor)
    directory.sync()
    segment = Segment(
        directory, header.segment, descriptor, size=end, created=header.created, has_batches=last is not None
    )
    return Opened(segment, *_position(header, last), cuts=cuts)


def _position(header: Header, last: Committed | None) -> tuple[int, int]:
    return (header.next_batch, header.committed) if last is None else (last.mark.batch + 1, last.mark.committed)


def _cut(directory: Directory, name: str, descriptor: int, end: int, size: int) -> None:
    aside, kept = directory.create_aside(name)
    try:
        copy_bytes(descriptor, aside, end, size)
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
