"""Snapshots and audits beside realtime streams: what they read is watched first.

A directory that came a moment ago is watched by a stream once its event is handled. A snapshot that lists it before
that would emit entries whose removal nobody sees. So whoever lists a directory lets the streams of the same root watch
it first; the event of its arrival, which is older, is handled before those of its entries.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol, TypeAlias

__all__ = ["Watch", "register", "visiting"]


Watch: TypeAlias = Callable[[int], None]
"""What is called with the descriptor of a directory before it is listed."""


class _Stream(Protocol):
    def visited(self) -> AbstractContextManager[Watch]: ...


_lock = threading.Lock()
_streams: weakref.WeakKeyDictionary[_Stream, str] = weakref.WeakKeyDictionary()


def register(stream: _Stream, root: str) -> None:
    """Let snapshots and audits of this root, by whatever driver instance of this process, find the stream."""
    with _lock:
        _streams[stream] = root


@contextmanager
def visiting(root: str) -> Iterator[Watch | None]:
    """A visit of all streams that watch this root now; None where nobody watches."""
    with _lock:
        streams = [stream for stream, path in _streams.items() if path == root]
    with ExitStack() as visits:
        watches = [visits.enter_context(stream.visited()) for stream in streams]

        def watch(fd: int) -> None:
            for one in watches:
                one(fd)

        yield watch if watches else None
