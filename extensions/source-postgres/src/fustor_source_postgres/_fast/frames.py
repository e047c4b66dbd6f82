"""Frames that `copier` writes, read: a batch of lines each, with their lengths, so that nobody looks for line ends."""

from __future__ import annotations

from array import array
from collections.abc import Generator
from typing import BinaryIO, NamedTuple

from fustor_source_postgres._fast.copier import HEAD, LENGTHS


class Frame(NamedTuple):
    """The bytes of each line, ends and separators included, and the fields of all, a tab behind each."""

    lengths: array[int]
    fields: bytes


def read_frames(file: BinaryIO) -> Generator[Frame]:
    """Every whole frame of a buffered file, whose `read` gives less than was asked for only at its end.

    Raises:
        EOFError: the writer did not come to its end; what came before has been given.
    """
    while True:
        head = file.read(HEAD.size)
        count, size = HEAD.unpack(head) if len(head) == HEAD.size else (1, 0)
        if not count:
            return
        lengths = array(LENGTHS)
        described = file.read(count * lengths.itemsize)
        fields = file.read(size)
        if not described or len(fields) < size:
            raise EOFError("COPY broke off")
        lengths.frombytes(described)
        yield Frame(lengths, fields)
