"""Snapshots and audits beside realtime streams: what they read is watched first.

A directory that came a moment ago is watched by a stream once its event is handled. A snapshot that lists it before
that would emit entries whose removal nobody sees. So whoever lists a directory lets the streams of the same root watch
it first; the event of its arrival, which is older, is handled before those of its entries. Where no watch is left, they
are told what was found.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from fustor_source_fs._rows import Row

__all__ = ["Visit", "register", "visiting"]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a snapshot or an audit calls: `watch` before it lists a directory, with its descriptor.

    And `note` with the rows of entries, and device and inode of what holds them, before it reports them.
    """

    watch: Callable[[int], None]
    note: Callable[[tuple[int, int], list[Row]], None]


class _Stream(Protocol):
    def visited(self) -> AbstractContextManager[Visit]: ...


_lock = threading.Lock()
_streams: weakref.WeakKeyDictionary[_Stream, str] = weakref.WeakKeyDictionary()


def register(stream: _Stream, root: str) -> None:
    """Let snapshots and audits of this root, by whatever driver instance of this process, find the stream."""
    with _lock:
        _streams[stream] = root


@contextmanager
def visiting(root: str) -> Iterator[Visit | None]:
    """One visit of all streams that watch this root now; None where nobody watches."""
    with _lock:
        streams = [stream for stream, path in _streams.items() if path == root]
    with ExitStack() as visits:
        each = [visits.enter_context(stream.visited()) for stream in streams]

        def watch(fd: int) -> None:
            for one in each:
                one.watch(fd)

        def note(holder: tuple[int, int], rows: list[Row]) -> None:
            for one in each:
                one.note(holder, rows)

        yield Visit(watch, note) if each else None
