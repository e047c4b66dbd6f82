"""Snapshots and audits beside realtime streams: what they read is watched first.

A directory that came a moment ago is watched by a stream once its event is handled. A snapshot that lists it before
that would emit entries whose removal nobody sees. So whoever lists a directory lets the streams of the same root watch
it first; the event of its arrival, which is older, is handled before those of its entries.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["register", "visiting"]


class _Stream(Protocol):
    def add_visitor(self) -> None: ...
    def remove_visitor(self) -> None: ...
    def watch_for_visitor(self, fd: int) -> None: ...


_lock = threading.Lock()
_streams: weakref.WeakKeyDictionary[_Stream, str] = weakref.WeakKeyDictionary()


def register(stream: _Stream, root: str) -> None:
    """Let snapshots and audits of this root, by whatever driver instance of this process, find the stream."""
    with _lock:
        _streams[stream] = root


@contextmanager
def visiting(root: str) -> Iterator[Callable[[int], None] | None]:
    """A visit of all streams that watch this root now; while it lasts they give back no watch.

    Yields what to call with the descriptor of a directory before it is listed; None where nobody watches.
    """
    with _lock:
        streams = [stream for stream, path in _streams.items() if path == root]

    def watch(fd: int) -> None:
        for stream in streams:
            stream.watch_for_visitor(fd)

    for stream in streams:
        stream.add_visitor()
    try:
        yield watch if streams else None
    finally:
        for stream in streams:
            stream.remove_visitor()
