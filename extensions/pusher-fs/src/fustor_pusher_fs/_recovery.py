"""Finds the last commit mark of a segment from its end, so that opening takes as long for a gigabyte as for a line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from fustor_pusher_fs._mark import COMMIT_PREFIX, MAX_LINE_BYTES, Header, Mark, parse_header, parse_mark

_BLOCK_BYTES = 128 * 1024
_HASH_BYTES = 1024 * 1024
_NEEDLE = b"\n" + COMMIT_PREFIX


@dataclass(frozen=True, slots=True)
class Committed:
    """The last batch that is whole: its mark, where its event lines begin, and where its mark's line ends."""

    mark: Mark
    begin: int
    end: int


def read_line(descriptor: int, offset: int) -> bytes | None:
    """The line at an offset, without its newline; None if it has none within the bound of our own lines."""
    line, newline, _ = os.pread(descriptor, MAX_LINE_BYTES, offset).partition(b"\n")
    return line if newline else None


def read_header(descriptor: int) -> tuple[Header, int] | None:
    """The header of a segment and the offset behind it; None if there is no valid one."""
    line = read_line(descriptor, 0)
    header = None if line is None else parse_header(line)
    return None if line is None or header is None else (header, len(line) + 1)


def last_committed(descriptor: int, end: int) -> Committed | None:
    """The last valid commit mark before `end` whose batch is whole as well; None if there is none."""
    for offset in _line_starts(descriptor, end):
        line = read_line(descriptor, offset)
        mark = None if line is None else parse_mark(line)
        if line is not None and mark is not None and _is_whole(descriptor, mark, offset):
            return Committed(mark, begin=offset - mark.length_bytes, end=offset + len(line) + 1)
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


def copy_bytes(source: int, target: int, begin: int, end: int) -> None:
    """Append a range of one file to another."""
    while begin < end:
        block = os.pread(source, min(_HASH_BYTES, end - begin), begin)
        if not block:
            return
        begin += len(block)
        while block:
            block = block[os.write(target, block) :]


def write_again(descriptor: int, begin: int, end: int) -> None:
    """Write a range of a file over itself.

    After a failed sync the kernel may call pages clean that never reached the disk, and a new process cannot tell; what
    is written again is dirty again, and the next sync is an honest answer.
    """
    while begin < end:
        block = os.pread(descriptor, min(_HASH_BYTES, end - begin), begin)
        if not block:
            return
        begin += os.pwrite(descriptor, block, begin)
