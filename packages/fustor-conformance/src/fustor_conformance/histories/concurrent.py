"""A writer that does not wait for anybody: snapshot, audits and stream are read while it writes."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from fustor_conformance._recording import AUDIT
from fustor_conformance._scenes import in_time, pace
from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_event_model import EventBase, EventType

_WRITE_SEC = 1.5
_MOST = 160
_PACE_SEC = 0.002
"""So that a World which lives in memory is not done before anybody has read."""
_THINGS = 6
_BATCHES = (2, 100, 1)
_ENOUGH = 3000
"""Events that a quick source has emitted long before the writer is done."""
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
        before = len(host.stream.events)
        passes = _Passes(host)
        passes.start()
        over = _write(world, paths)
        host.is_quiet = False
        passes.stop()
        events = passes.in_order()
        for where, event in events:
            passes.apply(where, event)
        host.finish_snapshot()
        seen = host.require_equal("After a writer that did not wait")
        realtime = host.stream.events[before:]
        _require_clocks([event for where, event in events if event and where != "realtime"], realtime, over)
        return seen + sum(len(event.rows) for _, event in events if event)


def _write(world: SourceWorld, paths: list[str]) -> dict[str, list[float]]:
    """Change things as fast as the World can, for a while. For each path, when each of its changes was over."""
    over: dict[str, list[float]] = defaultdict(list)
    for number in in_time(range(_MOST), _WRITE_SEC):
        path = paths[number % len(paths)]
        if number % 8 == 7 and "delete" in world.operations:  # noqa: PLR2004 - now and then
            world.delete(path)
            paths.remove(path)
        elif number % 4 == 3 or "modify" not in world.operations:  # noqa: PLR2004 - now and then
            path = world.create(f"busy-more-{number}")
            paths.append(path)
        else:
            world.modify(path)
        over[path].append(time.time())
        pace(_PACE_SEC)
    return over


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
            while (not self._stopping.is_set() and len(self._seen) < _ENOUGH) or not number:
                size = _BATCHES[number % len(_BATCHES)]
                number += 1
                if AUDIT in self._host.subject.capabilities:
                    self._read("audit", self._host.driver.get_audit_iterator(batch_size=size))
                self._read("another snapshot", self._host.driver.get_snapshot_iterator(batch_size=size))
        except Exception as err:  # noqa: BLE001 - handed to whoever joins
            self._error = err

    def _read(self, where: str, events: Iterator[Any]) -> None:
        for event in events:
            self._seen.append((len(self._host.stream.events), where, event))
        if where == "snapshot":
            self._seen.append((len(self._host.stream.events), _END, None))

    def stop(self) -> None:
        """Let the pass under way end, and raise what a pass has raised."""
        self._stopping.set()
        self.join(self._host.stream.patience_sec * 2)
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


def _require_clocks(bulk: list[EventBase], realtime: list[EventBase], replaced: dict[str, list[float]]) -> None:
    """A bulk row carries no later time than the moment at which what it holds had been replaced.

    Its clock is that of before the read, and the read saw it before it was replaced.
    """
    versions = _versions(realtime)
    for event in bulk:
        for row in event.rows:
            path = row["path"]
            if "record" not in row or len(versions[path]) != len(replaced.get(path, ())):
                continue  # not a clock of the reader's, or a source that tells several changes as one
            latest = _replaced_at(versions[path], replaced[path], _version(row))
            if latest is not None and row["mtime"] > latest + _ROUNDING_SEC:
                raise Broken(
                    f"A bulk row of {path!r} has mtime {row['mtime']!r}, and what it holds had been replaced by "
                    f"{latest!r}: its clock was read after the row",
                    row,
                )


def _versions(realtime: list[EventBase]) -> dict[str, list[str]]:
    """For each path what realtime reported it, in order; a deletion is a version too."""
    found: dict[str, list[str]] = defaultdict(list)
    for event in realtime:
        for row in event.rows:
            found[row["path"]].append("" if event.event_type is EventType.DELETE else _version(row))
    return found


def _version(row: dict[str, Any]) -> str:
    return json.dumps(row.get("record"), sort_keys=True, default=str)


def _replaced_at(versions: list[str], changes: list[float], version: str) -> float | None:
    """When the change after the one that made this version was over, if exactly one change made it."""
    places = [place for place, found in enumerate(versions) if found == version]
    return changes[places[0] + 1] if len(places) == 1 and places[0] + 1 < len(changes) else None
