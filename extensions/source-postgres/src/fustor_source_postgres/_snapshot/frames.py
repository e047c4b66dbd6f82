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


NO_LINES = Frame(array(LENGTHS), b"")


class Source(Protocol):
    """A file whose `read` gives all that was asked for, and less only where it ends."""

    def read(self, size: int, /) -> bytes:
        """`size` bytes, or what is left."""


def read_frames(source: Source) -> Generator[Frame]:
    """Every whole frame; whoever reads has to find out whether more was meant to come."""
    while len(head := source.read(HEAD.size)) == HEAD.size:
        count, size = HEAD.unpack(head)
        lengths = array(LENGTHS)
        described = source.read(count * lengths.itemsize)
        fields = source.read(size)
        if len(fields) < size:
            return
        lengths.frombytes(described)
        yield Frame(lengths, fields)
