"""Drivers that break a rule of family S: the snapshot."""

from __future__ import annotations

from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
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


@mutant("S01", "S02", "S05", "S06", "I06", "E11")
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
