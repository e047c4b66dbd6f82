"""A writer that does not wait for anybody: snapshot, audits and stream are read while it writes."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from fustor_conformance._recording import AUDIT
from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_event_model import EventBase, EventType

_WRITE_SEC = 1.5
_MOST = 160
_THINGS = 6
_BATCHES = (2, 100, 1)
_END = "the snapshot's end"
_ROUNDING_SEC = 0.002
"""Clocks are told as doubles, and some in milliseconds."""


def run_concurrent(subject: SourceSubject) -> int:
    """How many rows were read beside the writer.

    Raises:
        Broken: the view is not the world afterwards, or a bulk row outranks a newer one of realtime.
    """
    with subject.world() as world, Host(subject, world) as host:
        paths = [world.create(f"busy-{number}") for number in range(_THINGS)]
        host.catch_up()
        passes = _Passes(host)
        passes.start()
        _write(world, paths)
        host.is_quiet = False
        passes.stop()
        events = passes.in_order()
        for where, event in events:
            passes.apply(where, event)
        host.finish_snapshot()
        seen = host.require_equal("After a writer that did not wait")
        realtime = list(host.stream.events)
        _require_clocks([event for where, event in events if event and where != "realtime"], realtime)
        return seen + sum(len(event.rows) for _, event in events if event)


def _write(world: SourceWorld, paths: list[str]) -> None:
    """Change things as fast as the World can, for a while."""
    until = time.monotonic() + _WRITE_SEC
    for number in range(_MOST):
        if number % 8 == 7 and "delete" in world.operations:  # noqa: PLR2004 - now and then
            world.delete(paths.pop(number % len(paths)))
        if number % 4 == 3 or "modify" not in world.operations:  # noqa: PLR2004 - now and then
            paths.append(world.create(f"busy-more-{number}"))
        else:
            world.modify(paths[number % _THINGS % len(paths)])
        if time.monotonic() > until:
            return


class _Passes(threading.Thread):
    """The snapshot that is owed, then audits or more snapshots, one after the other, until it is stopped.

    What arrives is kept in its order, with how far the stream had come by then.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(name="conformance-passes", daemon=True)
        self._host = host
        self._stopping = threading.Event()
        self._seen: list[tuple[int, str, EventBase | None]] = []
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._read("snapshot", self._host.driver.get_snapshot_iterator(batch_size=2))
            number = 0
            while not self._stopping.is_set() or not number:
                size = _BATCHES[number % len(_BATCHES)]
                number += 1
                if AUDIT in self._host.subject.capabilities:
                    self._read("audit", self._host.driver.get_audit_iterator(batch_size=size))
                self._read("another snapshot", self._host.driver.get_snapshot_iterator(batch_size=size))
        except Exception as error:  # noqa: BLE001 - handed to whoever joins
            self._error = error

    def _read(self, where: str, events: Iterator[Any]) -> None:
        for event in events:
            self._seen.append((len(self._host.stream.events), where, event))
        if where == "snapshot":
            self._seen.append((len(self._host.stream.events), _END, None))

    def stop(self) -> None:
        """Let the pass under way end, and raise what a pass has raised."""
        self._stopping.set()
        self.join(self._host.stream.patience_sec * 3)
        if self.is_alive():
            raise Broken("A pass that began while others wrote does not end after they stopped")
        if self._error is not None:
            raise self._error

    def in_order(self) -> list[tuple[str, EventBase | None]]:
        """Everything in its order of arrival, the stream's events between those of the passes."""
        told, taken = self._host.stream.events, self._host.taken
        merged: list[tuple[str, EventBase | None]] = []
        for place, where, event in self._seen:
            merged += [("realtime", event) for event in told[taken:place]]
            taken = max(taken, place)
            merged.append((where, event))
        return merged

    def apply(self, where: str, event: EventBase | None) -> None:
        """Apply one of `in_order` to the host's view."""
        if where == "realtime":
            self._host.drain(1)
        elif event is None:
            self._host.end_snapshot()
        elif where == "snapshot":
            self._host.snapshot_event(event)
        elif where == "audit":
            self._host.apply(where, event)


def _require_clocks(bulk: list[EventBase], realtime: list[EventBase]) -> None:
    """A bulk row of an older version carries no later time than the row of the next one in realtime."""
    states = _states(realtime)
    for event in bulk:
        for row in event.rows:
            if "record" not in row or (found := _next_time(states[row["path"]], _version(row))) is None:
                continue
            if row["mtime"] > found + _ROUNDING_SEC:
                raise Broken(
                    f"A bulk row of {row['path']!r} holds an older version than realtime told and carries a later "
                    f"mtime: {row['mtime']!r}, the newer version has {found!r}",
                    row,
                )


def _states(realtime: list[EventBase]) -> dict[str, list[tuple[str, float]]]:
    """For each path its versions, in order, with their times; a deletion is a version too."""
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for event in realtime:
        for row in event.rows:
            version = "" if event.event_type is EventType.DELETE else _version(row)
            found[row["path"]].append((version, row["mtime"]))
    return found


def _version(row: dict[str, Any]) -> str:
    return json.dumps(row.get("record"), sort_keys=True, default=str)


def _next_time(states: list[tuple[str, float]], version: str) -> float | None:
    """The time of the version that came after this one, if this one was told exactly once."""
    places = [place for place, (found, _) in enumerate(states) if found == version]
    if len(places) != 1 or places[0] + 1 >= len(states):
        return None
    return states[places[0] + 1][1]
