"""Snapshots and audits beside realtime streams: what they read is watched first.

A directory that came a moment ago is watched by a stream once its event is handled. A snapshot that lists it before
that would emit entries whose removal nobody sees. So whoever lists a directory lets the streams of the same root watch
it first; the event of its arrival, which is older, is handled before those of its entries.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Visit", "register", "visiting"]


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


class Visit:
    """One snapshot or audit under way."""

    def __init__(self, streams: list[_Stream]) -> None:
        self.streams = streams

    def watch(self, fd: int) -> None:
        """To be called with the descriptor of a directory before it is listed."""
        for stream in self.streams:
            stream.watch_for_visitor(fd)


@contextmanager
def visiting(root: str) -> Iterator[Visit]:
    """A visit of all streams that watch this root now; while it lasts they give back no watch."""
    with _lock:
        streams = [stream for stream, path in _streams.items() if path == root]
    for stream in streams:
        stream.add_visitor()
    try:
        yield Visit(streams)
    finally:
        for stream in streams:
            stream.remove_visitor()
