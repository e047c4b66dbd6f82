"""One source: where its database is, what of it is wanted, and what its instances in this process share."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar, Protocol, Self

from psycopg2.extensions import connection

from fustor_source_postgres._server.boundary import Boundary
from fustor_source_postgres._server.connection import Address
from fustor_source_postgres._server.ownership import Owner
from fustor_source_postgres._server.publication import publication_for
from fustor_source_postgres.config import PostgresParams

_log = logging.getLogger(__name__)
_REMEMBERED_TRANSACTIONS = 20_000


@dataclass(frozen=True, slots=True)
class Source:
    """What snapshots, audits and streams of one source have in common. `slot` is the name of its own slot."""

    address: Address
    params: PostgresParams
    shared: Shared
    slot: str
    owner: Owner

    @classmethod
    def of(cls, id: str, uri: str, credential: Any, params: PostgresParams) -> Self:
        """The source that a host calls `id`.

        Raises:
            ConfigError: `uri` is not an address.
        """
        timeout = params.connect_timeout_sec
        owner = Owner.of(id, Address.parse(uri, credential).database)
        address = Address.parse(uri, credential, application_name=owner.application, connect_timeout=timeout)
        slot = params.slot or owner.default_slot
        return cls(address, params, Shared.of(slot, address.dsn), slot, owner)

    def publication(self, conn: connection) -> str:
        """The name of the publication that streams read."""
        return publication_for(conn, self.params.publication, self.slot)


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
        self.touches = 0
        """How often `touch` was called so far: a point in the order of realtime events."""
        self._forgotten: set[str] = set()
        self._streams: list[Stream] = []
        self.skipped: dict[str, str] = {}
        self.skipped_rows = 0
        self.estimated_rows: int | None = None
        """Rows of the chosen tables by the server's own estimate, when they were listed last."""
        self.slot_bytes: int | None = None
        """Log that the server keeps for the source's slot, in bytes, when it was looked at last."""

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

        `own` are the streams of the instance that got `index`; one without streams speaks for all. `release` moves
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
        """Note that a transaction is being sent."""
        self._transactions.append(xid)

    def sent_transactions(self) -> frozenset[int]:
        """The transactions sent lately, by the low 32 bits of their identifiers."""
        while True:
            try:
                return frozenset(self._transactions)
            except RuntimeError:  # the stream sent another one meanwhile
                continue

    def skip(self, table: str, reason: str) -> None:
        """Note a change of a table that the stream cannot follow; the first one, and every new reason, are logged."""
        self.skipped_rows += 1
        if self.skipped.get(table) != reason:
            self.skipped[table] = reason
            _log.warning("The stream leaves out changes of %s: %s; the next audit finds them", table, reason)

    def follow(self, table: str) -> None:
        """Note that the stream can follow the changes of a table."""
        if self.skipped.pop(table, None) is not None:
            _log.warning("The stream follows %s again; the next audit finds what it has left out", table)

    def touch(self, containers: Iterable[str]) -> None:
        """Note that realtime events for these tables, or for rows in them, are sent."""
        self.touches += 1
        self._touched.update(dict.fromkeys(containers, self.touches))

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


@dataclass(slots=True)
class _Known:
    stamps: Hashable
    mtime: float
    listed: Hashable = None
    visited: int = 0


class Memory:
    """Containers by path: since when they look as they do, and how they looked when they were last listed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, _Known] = {}
        self._number = 0
        self._began_at = 0
        self.before = 0
        """The place in the order of realtime events where the audit before the last one began."""

    def begin(self, touches: int) -> int:
        """The number of a new audit. `touches` is the place in the order of realtime events where it begins."""
        with self._lock:
            self._number += 1
            self.before, self._began_at = self._began_at, touches
            return self._number

    def mtime(self, path: str, stamps: Hashable, clock: float) -> float:
        """The server's time when a container was first seen to look as it does; `clock` if that is news."""
        with self._lock:
            known = self._known.get(path)
            if known is None or known.stamps != stamps:
                self._known[path] = known = _Known(stamps, clock, visited=known.visited if known else 0)
            return known.mtime

    def is_unchanged(self, path: str, stamps: Hashable, number: int) -> bool:
        """Whether the container looks as at its last listing, and the audit before `number` visited it."""
        with self._lock:
            known = self._known.get(path)
            return known is not None and known.listed == stamps and known.visited == number - 1

    def visit(self, path: str, number: int, listed: Hashable) -> None:
        """Note a visit, and the stamps read before the listing; None where there was none or it failed."""
        with self._lock:
            known = self._known[path]
            known.visited = number
            known.listed = listed

    def keep(self, path: str, number: int) -> None:
        """Note a visit that found the container unchanged."""
        with self._lock:
            self._known[path].visited = number

    def forget(self, paths: Iterable[str]) -> None:
        """Have these containers listed anew."""
        with self._lock:
            for path in paths:
                if path in self._known:
                    self._known[path].listed = None
