"""Drivers that break a rule of family S: the snapshot."""

from __future__ import annotations

from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
from fustor_event_model import MessageSource
from kit_mutants.registry import mutant


@mutant("S01", "S02", "S04", "S05", "S06", "I06", "C14", "C13")
class LeavesOneOut(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            if row["path"] not in ("/kit-1", "/kit-first"):
                yield row


@mutant("S01", "S02", "S05")
class WrongSize(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            yield {**row, "size": row["size"] + 1}


@mutant("S01", "C12", "E11", "I06", "S02", "S05", "S06")
class Invents(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        rows = list(super().snapshot_rows(stop, partition))
        return iter([*rows, *({**row, "path": "/ghost"} for row in rows[:1])])


@mutant("S02", "E09", "E10", "C13", "A10", "S04", "S05", "S06", "S10", "S09")
class OnlyOnce(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        told = getattr(self, "_told", set())
        self._told = told
        for row in list(super().snapshot_rows(stop, partition)):
            if row["path"] not in told:
                told.add(row["path"])
                yield row


@mutant("S03")
class TwiceInOneSnapshot(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            yield row
            if row["path"] == "/kit-1":
                yield dict(row)


@mutant("S04")
class VanishedIsAnError(MemoryDriver):
    def snapshot_container(self, system, container, pending):
        for path, node, skipped in super().snapshot_container(system, container, pending):
            if system.stat(path) is None:
                raise DriverError(f"{path!r} is gone")
            yield path, node, skipped

    def snapshot_rows(self, stop, partition):
        for row in list(super().snapshot_rows(stop, partition)):
            if self.system().stat(row["path"]) is None:
                raise DriverError(f"{row['path']!r} is gone")
            yield row


@mutant("S04", "A10")
class RefusedWithoutMark(MemoryDriver):
    def snapshot_container(self, system, container, pending):
        for path, node, _ in super().snapshot_container(system, container, pending):
            yield path, node, False


@mutant("S05")
class StoppedEndsNormally(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        try:
            yield from super().snapshot_rows(stop, partition)
        except DriverError:
            return


@mutant("S06")
class OverlappingPartitions(MemoryDriver):
    def get_snapshot_partitions(self, n):
        return [*super().get_snapshot_partitions(n), {"part": 0, "of": n}]


@mutant("S06")
class PartitionsWithoutTheLast(MemoryDriver):
    def get_snapshot_partitions(self, n):
        return super().get_snapshot_partitions(n)[:-1]


@mutant("S06")
class NoPartsOfNothing(MemoryDriver):
    def get_snapshot_partitions(self, n):
        return [{**part, "first": min(self.things())} for part in super().get_snapshot_partitions(n)]

    def things(self):
        return [path for path in self.system().nodes if path != "/"]


@mutant("S06")
class PartsOfWhatIsThere(MemoryDriver):
    """The last part ends with what was the greatest path when parts were asked for."""

    def get_snapshot_partitions(self, n):
        return [{**part, "last": max(self.system().nodes)} for part in super().get_snapshot_partitions(n)]

    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            if partition is None or row["path"] <= partition["last"]:
                yield row


@mutant("E09", "S03", "S05", "S07", "E07")
class CursorInAnotherOrder(MemoryDriver):
    """Pages are ordered without regard to case, and go on above the last path of the one before."""

    def batches(self, rows, source, size):
        if source is not MessageSource.SNAPSHOT:
            yield from super().batches(rows, source, size)
            return
        left = sorted(rows, key=lambda row: row["path"].lower())
        while left:
            page, rest = left[:size], left[size:]
            yield from super().batches(iter(page), source, size)
            left = [row for row in rest if row["path"] > page[-1]["path"]]


@mutant("S05")
class StopsQuietlyBetweenContainers(MemoryDriver):
    """A stop is an error in the middle of one, and the end before the next one."""

    asked = None
    is_quiet = False

    def snapshot_rows(self, stop, partition):
        self.asked = stop
        yield from super().snapshot_rows(stop, partition)

    def snapshot_container(self, system, container, pending):
        if self.stopped(self.asked):
            pending.clear()
            self.is_quiet = True
            return
        yield from super().snapshot_container(system, container, pending)

    def go_on(self, stop):
        if not self.is_quiet:
            super().go_on(stop)
