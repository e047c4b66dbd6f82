"""Snapshots and audits over time: how often a path comes, and in which order what comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fustor_conformance._paths import containers
from fustor_conformance.monitor.finding import Finding, Told
from fustor_conformance.monitor.opening import is_opening
from fustor_event_model import EventBase, LifecycleSignal, parent_of

__all__ = ["Audit", "Snapshot", "YoungContainers", "pair_of"]

_MOST_PATHS = 1_000_000
_TICK_SEC = 0.01
"""What no clock of a file system is finer than, for sure; the contract says about 2 s."""


class Snapshot:
    """The rows of one snapshot, of a system that stands still: each path once, but for a container's late mark."""

    def __init__(self, is_quiet: Callable[[], bool]) -> None:
        self._is_quiet = is_quiet
        self._paths: set[str] = set()

    def look(self, told: Told) -> Iterator[Finding]:
        """S03."""
        for where, row in told.rows():
            path = row.get("path")
            if not isinstance(path, str) or row.get("audit_skipped") or len(self._paths) > _MOST_PATHS:
                continue
            if path in self._paths and self._is_quiet():
                yield Finding("S03", f"{where}: {path!r} comes a second time in one snapshot", row)
            self._paths.add(path)


class Audit:
    """One audit, in either dialect.

    Args:
        is_quiet: whether nothing has changed in the system since the audit began.
        has_brackets: whether it is the guide's dialect.
    """

    def __init__(self, is_quiet: Callable[[], bool], *, has_brackets: bool) -> None:
        self._is_quiet = is_quiet
        self._has_brackets = has_brackets
        self._items = 0
        self._is_ended = False
        self._is_open = False
        self._containers: dict[str, dict[str, Any]] = {}
        self._parents: dict[str, tuple[str, dict[str, Any]]] = {}

    def look(self, told: Told) -> Iterator[Finding]:
        """A03 for the brackets, A02 for signals among pairs, A05 for containers."""
        self._items += 1
        if self._has_brackets:
            yield from self._brackets(told)
        elif not told.event.rows or told.event.signal is not None:
            yield Finding("A02", f"{told.where} is a signal or without rows, among pairs", told.event)
        self._is_open = self._is_open or self._has_brackets or not is_opening(told.event)
        if self._is_open and len(self._parents) + len(self._containers) <= _MOST_PATHS and self._is_quiet():
            yield from self._order(told)

    def _brackets(self, told: Told) -> Iterator[Finding]:
        signal = told.event.signal
        if self._is_ended:
            yield Finding("A03", f"{told.where} comes after Audit-End", told.event)
        elif (self._items == 1) != (signal is LifecycleSignal.AUDIT_START):
            yield Finding("A03", f"{told.where} has signal {signal!s}; Audit-Start comes first, and once", told.event)
        if signal is not None and told.event.rows:
            yield Finding("A03", f"{told.where} is a signal and carries rows", told.event)
        self._is_ended = self._is_ended or signal is LifecycleSignal.AUDIT_END

    def _order(self, told: Told) -> Iterator[Finding]:
        for where, row in told.rows():
            path = row.get("path")
            if not isinstance(path, str):
                continue
            if container := next((up for up in containers(path) if up in self._containers), None):
                yield Finding("A05", f"{where}: the row of {path!r} comes after that of {container!r}, its container")
            is_container = row.get("is_directory") is True
            if path in self._containers or (is_container and path in self._parents):
                yield Finding("A05", f"{where}: the container {path!r} has a second row", row)
            if is_container:
                self._containers[path] = row
            self._parents[path] = (where, row)

    def finish(self, *, is_complete: bool, was_stopped: bool) -> Iterator[Finding]:
        """What only the end shows: an end that is missing or too much, containers without a row, parents' times."""
        if self._has_brackets:
            yield from self._last(is_complete=is_complete, was_stopped=was_stopped)
        if is_complete and not was_stopped and self._is_quiet():
            yield from self._all_contained()

    def _last(self, *, is_complete: bool, was_stopped: bool) -> Iterator[Finding]:
        if self._is_ended and not is_complete:
            yield Finding("A03", "The audit broke off with an error after it had sent Audit-End")
        elif is_complete and not was_stopped and not self._is_ended and self._items:
            yield Finding("A03", f"The audit ended after {self._items} items without Audit-End")

    def _all_contained(self) -> Iterator[Finding]:
        for path, (where, row) in self._parents.items():
            container = self._containers.get(parent_of(path))
            if container is None:
                yield Finding("A05", f"{where}: the container of {path!r} has no row in this audit", row)
                return
            about = {"parent_path": "" if path == "/" else parent_of(path), "parent_mtime": container.get("mtime")}
            if odd := [name for name, expected in about.items() if row.get(name) != expected]:
                seen = f"{where}: {path!r} has {odd[0]} {row.get(odd[0])!r}, not {about[odd[0]]!r} as of its container"
                yield Finding("A04", seen, row, container)
                return


class YoungContainers:
    """The containers of a file tree that one instance has listed within a tick of their last change.

    One more change in that tick leaves the same time, so that the next audit has to list them again, whatever it
    compares.
    """

    def __init__(self) -> None:
        self._young: dict[str, float] = {}

    def look(self, told: Told, now: float, is_quiet: Callable[[], bool]) -> Iterator[Finding]:
        """A15, for an event of an audit that was yielded at `now`, in seconds since the epoch."""
        if told.event.event_schema != "fs":
            return
        for where, row in told.rows():
            path, mtime = row.get("path"), row.get("mtime")
            if not isinstance(path, str) or not isinstance(mtime, int | float):
                continue
            if row.get("is_directory") is not True or path == "/":
                continue
            if not row.get("audit_skipped"):
                self._young.pop(path, None)
                if 0 <= now - mtime < _TICK_SEC:
                    self._young[path] = mtime
            elif self._young.get(path) == mtime and is_quiet():
                seen = (
                    f"{where}: {path!r} was listed less than {_TICK_SEC:g} s after its mtime, and is called unchanged"
                )
                yield Finding("A15", f"{seen}: a change right after that listing would have the same time", row)


def pair_of(item: object, where: str) -> tuple[object, Finding | None]:
    """The event of an item in the dialect of agent 0.8, None for none, and what is wrong with the item (A02)."""
    if not isinstance(item, tuple) or len(item) != 2:  # noqa: PLR2004 - a pair
        return None, Finding("A02", f"{where} is not a pair of an event or None and a dict", item)
    event, stamps = item
    if event is not None and not isinstance(event, EventBase):
        return None, Finding("A02", f"{where} holds {type(event).__name__}, not an event or None", item)
    if not isinstance(stamps, dict) or not all(_is_stamp(*stamp) for stamp in stamps.items()):
        return event, Finding("A02", f"{where} holds container times that are not a dict of numbers by path", stamps)
    return event, None


def _is_stamp(path: object, mtime: object) -> bool:
    is_path = isinstance(path, str) and path.startswith("/")
    return is_path and isinstance(mtime, int | float) and not isinstance(mtime, bool)
