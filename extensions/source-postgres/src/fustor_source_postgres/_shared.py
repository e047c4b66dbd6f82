"""What all instances of one source in this process share: hosts make two for one source and expect one view of it."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import ClassVar, Protocol, Self

from fustor_source_postgres._memory import Memory
from fustor_source_postgres._server.boundary import Boundary

_log = logging.getLogger(__name__)
_REMEMBERED_TRANSACTIONS = 20_000


class Stream(Protocol):
    """An open stream, as the others of its source see it."""

    acknowledged: int

    @property
    def is_bounded(self) -> bool:
        """Whether it never releases anything."""

    @property
    def owns_slot(self) -> bool:
        """Whether it reads the source's own slot."""

    def acknowledge(self, index: int) -> None:
        """Note that everything up to `index` is durable."""

    def release(self, index: int) -> None:
        """Let the server drop what lies before `index`."""


class Shared:
    """Clock, recent transactions and touched tables of one source, and the boundary that its snapshot starts from."""

    _all: ClassVar[weakref.WeakValueDictionary[tuple[str, str], Self]] = weakref.WeakValueDictionary()
    _guard = Lock()

    def __init__(self) -> None:
        self.lock = Lock()
        self.clock = 0.0
        self.memory = Memory()
        self._boundary: Boundary | None = None
        self._transactions: deque[int] = deque(maxlen=_REMEMBERED_TRANSACTIONS)
        self._touched: dict[str, int] = {}
        self._touches = 0
        self._forgotten: set[str] = set()
        self._streams: list[Stream] = []
        self.skipped: dict[str, str] = {}
        self.skipped_rows = 0

    @classmethod
    def of(cls, slot: str, dsn: str) -> Self:
        """The one object of a source, which lives as long as some instance holds it."""
        with cls._guard:
            return cls._all.setdefault((slot, dsn), cls())

    def has_owner(self) -> bool:
        """Whether a stream of this process reads the source's own slot."""
        return any(stream.owns_slot for stream in self.streams())

    def streams(self) -> list[Stream]:
        """The open streams of this process."""
        with self.lock:
            return list(self._streams)

    def add_stream(self, stream: Stream) -> None:
        """Note that a stream was opened."""
        with self.lock:
            self._streams.append(stream)

    def remove_stream(self, stream: Stream) -> None:
        """Note that a stream was closed; a boundary that waits goes with the last one, for nothing follows it now."""
        with self.lock:
            self._streams = [other for other in self._streams if other is not stream]
            is_last = all(other.is_bounded for other in self._streams)
        if is_last and not stream.is_bounded:
            self.offer_boundary(None)

    def acknowledge(self, own: Sequence[Stream], index: int, release: Callable[[int], None]) -> None:
        """Release the slot up to what every stream has made durable.

        `own` are the streams of the instance that was told `index`; one without streams speaks for all. `release` moves
        a slot that none of them reads.
        """
        unbounded = [stream for stream in self.streams() if not stream.is_bounded]
        for stream in own or unbounded:
            stream.acknowledge(index)
        least = min((stream.acknowledged for stream in unbounded), default=index)
        owner = next((stream for stream in unbounded if stream.owns_slot), None)
        if owner is not None:
            owner.release(least)
        else:
            release(least)

    def raise_clock(self, clock: float) -> None:
        """Note that a row with this mtime goes out: no later realtime row may have a lower one."""
        with self.lock:
            self.clock = max(self.clock, clock)

    def note_transaction(self, xid: int) -> None:
        """Note that a transaction is being told."""
        self._transactions.append(xid)

    def told_transactions(self) -> frozenset[int]:
        """The transactions told lately, by the low 32 bits of their identifiers."""
        while True:
            try:
                return frozenset(self._transactions)
            except RuntimeError:  # the stream told another one meanwhile
                continue

    def skip(self, table: str, reason: str) -> None:
        """Note a change of a table that the stream cannot tell; the first one, and every new reason, are logged."""
        self.skipped_rows += 1
        if self.skipped.get(table) != reason:
            self.skipped[table] = reason
            _log.warning("The stream leaves out changes of %s: %s; the next audit finds them", table, reason)

    def follow(self, table: str) -> None:
        """Note that the stream can tell the changes of a table."""
        if self.skipped.pop(table, None) is not None:
            _log.warning("The stream follows %s again; the next audit finds what it has left out", table)

    def touch(self, containers: Iterable[str]) -> None:
        """Note that realtime events for these tables, or for rows in them, are sent."""
        self._touches += 1
        self._touched.update(dict.fromkeys(containers, self._touches))

    @property
    def touches(self) -> int:
        """How often `touch` was called so far: a point in the order of realtime events."""
        return self._touches

    def touched_since(self, point: int) -> set[str]:
        """Tables touched after `point`."""
        with self.lock:
            return {container for container, when in list(self._touched.items()) if when > point}

    def forget(self, container: str) -> None:
        """Note that a table was emptied: what an audit knows of it holds no longer."""
        with self.lock:
            self._forgotten.add(container)

    def take_forgotten(self) -> Iterable[str]:
        """Tables emptied since the last call."""
        with self.lock:
            forgotten, self._forgotten = self._forgotten, set()
        return forgotten

    def offer_boundary(self, boundary: Boundary | None) -> None:
        """Keep the boundary for the snapshot's reader; an older one that nobody took is released."""
        with self.lock:
            old, self._boundary = self._boundary, boundary
        if old is not None:
            old.close()

    def take_boundary(self) -> Boundary | None:
        """The boundary that waits, for its one reader, who closes it."""
        with self.lock:
            boundary, self._boundary = self._boundary, None
        return boundary
