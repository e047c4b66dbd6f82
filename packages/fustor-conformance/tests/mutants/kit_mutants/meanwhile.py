"""Drivers that break a rule of families S and A: what is read while it changes, or while it breaks."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

import posixpath
import time

from kit_journal import JournalDriver, JournalWorld
from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
from fustor_event_model import EventType, LifecycleSignal, MessageSource
from kit_mutants.registry import mutant

_A_WHILE_SEC = 0.03


@mutant("S01", "S02")
class SizeOfOddNames(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            yield row if row["path"].isascii() else {**row, "size": row["size"] + 1}


@mutant("S04")
class VanishedBetweenListingAndStat(MemoryDriver):
    def snapshot_container(self, system, container, pending):
        listed = system.listing(container) if container not in system.unreadable else []
        self._stop_driver_event.wait(_A_WHILE_SEC)
        if len(listed) > 20 and any(system.stat(path) is None for path in listed):
            raise DriverError("A thing is gone")
        yield from super().snapshot_container(system, container, pending)


@mutant("S05")
class NearlyDoneIsDone(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        told = 0
        try:
            for row in super().snapshot_rows(stop, partition):
                told += 1
                yield row
        except DriverError:
            if told < len(self.system().nodes) // 2:
                raise


@mutant("S06")
class AtMostFour(MemoryDriver):
    def get_snapshot_partitions(self, n):
        return super().get_snapshot_partitions(n)[:4]


@mutant("S07", "S03", "S04")
class PagesByOffset(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        offset = 0
        while rows := sorted(super().snapshot_rows(stop, partition), key=lambda row: row["path"])[offset:][:500]:
            yield from rows
            offset += len(rows)


@mutant("S08")
class BrokenListingIsComplete(MemoryDriver):
    def snapshot_container(self, system, container, pending):
        for path, node, skipped in super().snapshot_container(system, container, pending):
            if container in system.unreadable and not skipped:
                return
            yield path, node, skipped


@mutant("S09", "C12", "E05", "S10", "S27")
class ClockAfterTheRead(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        rows = list(super().snapshot_rows(stop, partition))
        self._stop_driver_event.wait(_A_WHILE_SEC)
        read = self.system().now()
        return iter([{**row, "mtime": read} for row in rows])


@mutant("S09", world=JournalWorld)
class ClockRightAfterTheRead(JournalDriver):
    """In the moment after it, which no race ever hits."""

    def snapshot(self, size, stop, partition):
        rows = self.read("select * from items order by id")
        at = self.now()
        for begin in range(0, len(rows), size):
            if self.stopped(stop):
                raise DriverError("Stopped before its end")
            if told := [self.row(row, at) for row in rows[begin : begin + size] if self.in_part(row, partition)]:
                yield self.event(EventType.UPDATE, told, MessageSource.SNAPSHOT)


@mutant("A08")
class TidiesTheHostsDict(MemoryDriver):
    def pairs_audit(self, size, stop, cache):
        yield from super().pairs_audit(size, stop, cache)
        for path in [path for path in cache if self.system().stat(path) is None]:
            del cache[path]


@mutant("A11", "A03", "A06", "A12", "A07", "A09", "A15", "A10", "A17", "A13", "A14")
class FreshIsNotVisibleYet(MemoryDriver):
    def children(self, system, path):
        found = super().children(system, path)
        young = time.time() - 0.005
        return found and [child for child in found if (node := system.stat(child)) and node.mtime < young]


@mutant("A12")
class ChangedWhileListedIsListed(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        for row, stamps in super().container(system, path, node, above, silent=silent, failed=failed):
            if not failed and not silent:
                row.pop("audit_skipped", None)
            yield row, stamps


@mutant("A12", "A15")
class StampsRightAfterListing(MemoryDriver):
    """Children are listed, then the container's own time is read: what comes between is in neither."""

    def audit(self, path, cache, stop, above=None):
        listed = super().children(self.system(), path)
        self._stop_driver_event.wait(_A_WHILE_SEC)
        self._found = {**getattr(self, "_found", {}), path: listed}
        yield from super().audit(path, cache, stop, above)

    def children(self, system, path):
        return self._found[path]


@mutant("A16")
class EndAlsoAfterAnError(MemoryDriver):
    def guide_audit(self, size, stop):
        ended = False
        try:
            for item in super().guide_audit(size, stop):
                ended = item.signal is LifecycleSignal.AUDIT_END
                yield item
        except DriverError:
            if not ended:
                yield self.signal(LifecycleSignal.AUDIT_END)
            raise

    def audit_child(self, system, path, cache, stop, parent, *, silent):
        if system.down or posixpath.dirname(path) in system.unreadable:
            raise DriverError(f"{path!r} cannot be read")
        yield from super().audit_child(system, path, cache, stop, parent, silent=silent)


@mutant("A17")
class VanishedEndsTheAudit(MemoryDriver):
    def children(self, system, path):
        found = super().children(system, path)
        self._stop_driver_event.wait(_A_WHILE_SEC)
        if found and len(found) > 15 and any(system.stat(child) is None for child in found):
            raise DriverError("A thing is gone")
        return found
