"""Freshness: no object is yielded twice, and what was yielded is not touched again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from fustor_conformance.monitor.finding import Finding, Told

__all__ = ["Freshness", "Untouched"]

_KEPT = 20_000
_LOOKED_BACK = 3


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
        self._before: list[str] = []

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


def _contents(event: Any) -> str:
    return repr((event.event_type, event.event_schema, event.table, event.message_source, event.fields, event.rows))
