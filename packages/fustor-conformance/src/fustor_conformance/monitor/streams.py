"""Streams over time: indexes, the order of deletes, clocks, and whether events are new and are left alone."""

from __future__ import annotations

import marshal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

from fustor_conformance._paths import at_or_below, containers
from fustor_conformance.monitor.finding import Finding, Told
from fustor_event_model import EventType

__all__ = ["BulkClock", "Deletes", "Freshness", "Indexes", "Inserts", "Untouched"]

_MOST_PATHS = 100_000
"""Beyond that many paths known at once a stream's deletes are no longer looked at: a run may last for months."""
_UNDER_WAY_SEC = 0.25
"""An event may have been made so long before it was yielded to a reader that was waiting for it."""
_ROUNDING_SEC = 1e-6
_KEPT = 20_000
_LOOKED_BACK = 3


class Indexes:
    """The indexes of one stream: strictly increasing, or -1 on every event with rows; none beyond the end asked for."""

    def __init__(self, end_position: int | None = None) -> None:
        self._end = end_position
        self._last: int | None = None

    def look(self, told: Told) -> Iterator[Finding]:
        """I01, I02 and I07."""
        if not told.event.rows:
            return
        index, last = told.event.index, self._last
        self._last = index
        if self._end is not None and index > self._end:
            yield Finding("I07", f"{told.where} has index {index}, beyond the end position {self._end}", told.event)
        if last is None:
            return
        if (index == -1) != (last == -1):
            yield Finding("I01", f"{told.where} has index {index}, the one before it {last}: all or none may be -1")
        elif index == last != -1:
            yield Finding("I02", f"{told.where} has index {index}, as the one before it", told.event)
        elif index < last:
            yield Finding("I01", f"{told.where} has index {index}, the one before it {last}", told.event)


class Inserts:
    """The inserts of one stream. One claims that a thing is new: what was told before and only changed since is not.

    Args:
        is_made_once: whether the World has made what is at a path, once, and since then has changed it at most.
    """

    def __init__(self, is_made_once: Callable[[str], bool]) -> None:
        self._is_made_once = is_made_once
        self._there: set[str] = set()

    def look(self, told: Told) -> Iterator[Finding]:
        """E16."""
        kind = told.event.event_type
        for where, row in told.rows():
            path = row.get("path")
            if not isinstance(path, str) or len(self._there) > _MOST_PATHS:
                return
            if kind is EventType.DELETE:
                self._there.discard(path)
                continue
            if kind is EventType.INSERT and path in self._there and self._is_made_once(path):
                seen = f"{where}: {path!r} was emitted before and has changed since, and the event is an insert"
                yield Finding("E16", f"{seen}, which says that it is new", row)
            self._there.add(path)


class Deletes:
    """The deletes of one stream: what is below a container goes before the container itself, deepest first.

    A container may come again and go again before anybody looks, so a delete that comes late is a finding only when
    neither the container nor anything else below it was told again in between, nor the container's delete afterwards.
    And one that never comes is a finding only when the stream has gone on to other things.
    """

    def __init__(self) -> None:
        self._there: set[str] = set()
        self._inside: Counter[str] = Counter()
        self._gone: set[str] = set()
        self._late: dict[str, Finding] = {}
        self._owed: dict[str, tuple[Finding, set[str]]] = {}
        self._moved_on: set[str] = set()
        self._is_over = False

    def look(self, told: Told) -> Iterator[Finding]:
        """Nothing yet: what is wrong shows at the end."""
        deleted = told.event.event_type is EventType.DELETE
        for where, row in told.rows():
            path = row.get("path")
            if self._is_over or not isinstance(path, str):
                return
            self._moved_on |= self._owed.keys() - {path, *containers(path)}
            if deleted:
                self._went(path, where, row)
            else:
                self._came(path)
            self._is_over = len(self._there) + len(self._gone) > _MOST_PATHS
        yield from ()

    def finish(self) -> Iterator[Finding]:
        """E14: deletes that came after their container's, or did not come at all."""
        if self._is_over:
            return
        yield from self._late.values()
        yield from (finding for path, (finding, left) in self._owed.items() if left and path in self._moved_on)

    def _came(self, path: str) -> None:
        self._add(path)
        for place in _upwards(path):
            self._gone.discard(place)
            self._late.pop(place, None)
            self._owed.pop(place, None)

    def _went(self, path: str, where: str, row: dict[str, Any]) -> None:
        if path not in self._there:
            self._went_late(path, where, row)
        self._discard(path)
        for _, left in self._owed.values():
            left.discard(path)
        self._late.pop(path, None)
        if self._inside[path]:
            inside = set(at_or_below(self._there, path))
            for other in inside:
                self._discard(other)
            seen = f"{where} is the delete of {path!r}, and nothing is said of {sorted(inside)[:3]}, which are below it"
            self._owed[path] = Finding("E14", seen, row), inside
        self._gone.add(path)

    def _add(self, path: str) -> None:
        if path not in self._there:
            self._there.add(path)
            self._inside.update(_upwards(path)[1:])

    def _discard(self, path: str) -> None:
        if path in self._there:
            self._there.discard(path)
            self._inside.subtract(_upwards(path)[1:])

    def _went_late(self, path: str, where: str, row: dict[str, Any]) -> None:
        for container in _upwards(path):
            if container != path and container in self._gone:
                seen = f"{where} is the delete of {path!r}, after that of {container!r}, which it is below"
                self._late.setdefault(container, Finding("E14", seen, row))


def _upwards(path: str) -> list[str]:
    """The path and all its containers but `/`."""
    return [place for place in (path, *containers(path)) if place != "/"]


class BulkClock:
    """The latest clock that one instance of a database's source put into a row that it read in bulk.

    Times are monotonic seconds. Files have clocks of their own, so nothing is said of them. Callable from any thread.
    """

    def __init__(self) -> None:
        self._latest: deque[tuple[float, float]] = deque(maxlen=10_000)
        self._lock = threading.Lock()

    def note(self, told: Told, at: float) -> None:
        """Note the rows of a snapshot or an audit that were handed out at that time."""
        if told.event.event_schema == "fs":
            return
        for _, row in told.rows():
            mtime = row.get("mtime")
            if "record" in row and isinstance(mtime, int | float) and mtime > self._before(float("inf")):
                with self._lock:
                    self._latest.append((at, mtime))

    def look(self, told: Told, asked_at: float, at: float) -> Iterator[Finding]:
        """E15, for an event that was asked for and yielded at these times."""
        if told.event.event_schema == "fs":
            return
        bulk = self._before(max(asked_at, at - _UNDER_WAY_SEC))
        for where, row in told.rows():
            mtime = row.get("mtime")
            is_row = "record" in row or told.event.event_type is EventType.DELETE
            if is_row and isinstance(mtime, int | float) and mtime < bulk - _ROUNDING_SEC:
                seen = f"{where} has mtime {mtime!r}, below the clock {bulk!r} of a snapshot or audit row sent before"
                yield Finding("E15", seen, row)

    def _before(self, moment: float) -> float:
        with self._lock:
            return next((mtime for at, mtime in reversed(self._latest) if at <= moment), float("-inf"))


class Freshness:
    """Every event, row and list of fields that a driver yielded lately, kept alive so that none shares an identity."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._seen: dict[int, object] = {}
        self._order: deque[int] = deque()
        self._kept = kept
        self._lock = threading.Lock()

    def look(self, told: Told) -> Iterator[Finding]:
        """E10."""
        event = told.event
        things: list[tuple[str, Any]] = [("event", event)]
        things += [("row", row) for row in event.rows]
        things += [("list of rows", event.rows)] if event.rows else []
        things += [("list of fields", event.fields)] if event.fields else []
        for name, thing in things:
            if self._is_known(thing):
                yield Finding("E10", f"{told.where}: its {name} is an object that was yielded before", thing)

    def _is_known(self, thing: object) -> bool:
        with self._lock:
            if id(thing) in self._seen:
                return True
            self._seen[id(thing)] = thing
            self._order.append(id(thing))
            if len(self._order) > self._kept:
                del self._seen[self._order.popleft()]
            return False


class Untouched:
    """The last events of one iterator: what they hold changes while the host works, never while the driver does.

    A host may put other rows and fields into an event, so they are read when the driver is asked for the next one, and
    compared when it answers. The index is the host's to set. For bulk phases: a host changes the events of a stream
    while another thread waits for the next one.
    """

    def __init__(self) -> None:
        self._last: deque[tuple[str, Any]] = deque(maxlen=_LOOKED_BACK)
        self._before: list[tuple[object, ...]] = []

    def asked(self) -> None:
        """The driver is asked for the next event."""
        self._before = [_contents(event) for _, event in self._last]

    def answered(self) -> Iterator[Finding]:
        """E10: what the driver changed meanwhile."""
        for (where, event), before in zip(self._last, self._before, strict=True):
            if (now := _contents(event)) != before:
                yield Finding("E10", f"{where} was changed by the driver after it had been yielded", before, now)

    def keep(self, told: Told) -> None:
        """Look at this event from now on."""
        self._last.append((told.where, told.event))
        self._before = []


def _contents(event: Any) -> tuple[object, ...]:
    """The contents as bytes or as text, since what they hold can change. Text, which is slow, knows every type."""
    told: object
    try:
        told = marshal.dumps((event.fields, event.rows), 2)  # version 2: equal values give equal bytes
    except ValueError:
        told = repr((event.fields, event.rows))
    return (event.event_type, event.event_schema, event.table, event.message_source, told)
