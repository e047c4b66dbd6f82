"""Frames that `copier` writes, read: a batch of lines each, with their lengths, so that nobody looks for line ends."""

from __future__ import annotations

from array import array
from collections.abc import Generator
from typing import NamedTuple, Protocol

from fustor_source_postgres._snapshot.copier import HEAD, LENGTHS


class Frame(NamedTuple):
    """The bytes of each line, ends and separators included, and the fields of all, a tab behind each."""

    lengths: array[int]
    fields: bytes


class Source(Protocol):
    """A file whose `read` gives all that was asked for, and less only where it ends."""

    def read(self, size: int, /) -> bytes:
        """`size` bytes, or what is left."""


def read_frames(source: Source) -> Generator[Frame]:
    """Every whole frame.

    Raises:
        EOFError: the writer did not come to its end; what came before has been given.
    """
    while True:
        head = source.read(HEAD.size)
        count, size = HEAD.unpack(head) if len(head) == HEAD.size else (1, 0)
        if not count:
            return
        lengths = array(LENGTHS)
        described = source.read(count * lengths.itemsize)
        fields = source.read(size)
        if not described or len(fields) < size:
            raise EOFError("COPY broke off")
        lengths.frombytes(described)
        yield Frame(lengths, fields)
