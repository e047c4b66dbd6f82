"""Drivers that break a rule of family M: what changes fast, deep, in a row, or under odd names."""

from __future__ import annotations

import time

from kit_memory import SYSTEMS
from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
from fustor_event_model import EventType
from kit_mutants.registry import mutant


@mutant("M01", "C16")
class StopsOnlyWhenQuiet(MemoryDriver):
    def stopped(self, stop):
        log = SYSTEMS[self.config.uri].log
        is_busy = bool(log) and time.time() - log[-1].node.mtime < 0.5
        return super().stopped(stop) and not is_busy


@mutant("M02")
class ReopensAtFirstNext(MemoryDriver):
    def follow(self, system, position, stop, end):
        self._stop_driver_event.clear()
        yield from super().follow(system, position, stop, end)


@mutant("M03")
class MissesDeletesBeforeFirstNext(MemoryDriver):
    def follow(self, system, position, stop, end):
        self._armed = system.counter
        yield from super().follow(system, position, stop, end)

    def messages(self, change):
        if change.kind is not EventType.DELETE or change.index > self._armed:
            yield from super().messages(change)


@mutant("M04")
class SecondFaultEndsStream(MemoryDriver):
    faults = 0

    def wait_until_up(self, system, stop):
        if system.down:
            self.faults += 1
            if self.faults > 1:
                raise DriverError("Connection lost again")
        super().wait_until_up(system, stop)


@mutant("M05")
class LatestPositionIsAKeyError(MemoryDriver):
    def get_latest_position(self):
        return SYSTEMS[self.config.uri].counter


@mutant("M07")
class AtMostFiveHundred(MemoryDriver):
    """Of more changes in one look the last are left out."""

    def pending(self, system, position, end):
        found = super().pending(system, position, end)
        return [*found[:499], found[-1]] if len(found) > 500 else found


@mutant("M11", "E14")
class TopFirst(MemoryDriver):
    """A container's delete goes before those of what was in it."""

    def pending(self, system, position, end):
        found = super().pending(system, position, end)
        if not found or any(change.kind is not EventType.DELETE for change in found):
            return found
        kinds = sorted(found, key=lambda change: change.path.count("/"))
        return [
            type(one)(place.index, one.kind, one.path, one.node, one.parent_mtime)
            for place, one in zip(found, kinds, strict=True)
        ]


@mutant("M11")
class ListsNewContainersThenWatches(MemoryDriver):
    """The second thing in a container that is less than a moment old is seen by neither."""

    def messages(self, change):
        above = SYSTEMS[self.config.uri].stat(change.path.rpartition("/")[0] or "/")
        is_second = change.path.endswith("/second") and above is not None and change.path.count("/") > 2
        if not is_second:
            yield from super().messages(change)


@mutant("M12")
class DeleteComesLate(MemoryDriver):
    """The second delete of a path is held back until something else happens."""

    def messages(self, change):
        held, self._held = getattr(self, "_held", []), []
        self._gone = getattr(self, "_gone", [])
        if change.kind is EventType.DELETE:
            self._gone.append(change.path)
            if self._gone.count(change.path) > 1:
                self._held = list(super().messages(change))
                yield from held
                return
        yield from super().messages(change)
        for event in held:
            event.index = change.index
            yield event


@mutant(
    "M13",
    "C03",
    "C07",
    "C14",
    "C19",
    "C20",
    "E07",
    "E14",
    "E15",
    "E20",
    "M04",
    "M06",
    "M09",
    "M10",
    "M11",
    "M12",
    "M14",
    "M15",
    "M16",
)
class GoesOnFromNow(MemoryDriver):
    """After each look it goes on from the end of the log, not from the last change that it saw."""

    def follow(self, system, position, stop, end):
        while not self.stopped(stop):
            self.wait_until_up(system, stop)
            for change in self.pending(system, position, end):
                if self.stopped(stop) or (end is not None and change.index > end):
                    return
                yield from self.messages(change)
            position = system.counter
            if end is not None and position >= end:
                return


@mutant("M14")
class EndsWhenIdle(MemoryDriver):
    """As after a read timeout."""

    def follow(self, system, position, stop, end):
        self._last = time.monotonic()
        yield from super().follow(system, position, stop, end)

    def messages(self, change):
        self._last = time.monotonic()
        yield from super().messages(change)

    def stopped(self, stop):
        return super().stopped(stop) or time.monotonic() - getattr(self, "_last", time.monotonic()) > 2.5


@mutant("M15", "S10")
class CountsCharacters(MemoryDriver):
    """In realtime alone another count of what is not ASCII."""

    def change_row(self, change):
        row = super().change_row(change)
        return {
            **row,
            "size": row["size"]
            and len(change.node.name.encode("utf-8", "replace")) + row["size"] - len(change.node.name),
        }


@mutant("M16")
class TakesRefusedForGone(MemoryDriver):
    def pending(self, system, position, end):
        with system.changed:
            known = vars(self).setdefault("_refused", set())
            inside = [
                path
                for box in system.unreadable
                for path in system.nodes
                if path not in known and path.startswith(f"{box.rstrip('/')}/") and path != "/"
            ]
            for path in sorted(inside, key=len, reverse=True):
                known.add(path)
                system.tell(EventType.DELETE, path, system.nodes[path])
        return super().pending(system, position, end)
