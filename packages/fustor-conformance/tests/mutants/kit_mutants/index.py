"""Drivers that break a rule of family I: positions and resuming."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
from fustor_event_model import MessageSource
from kit_mutants.registry import mutant


@mutant("E20", "I03", "I08")
class CountsByItself(MemoryDriver):
    """Each instance begins with 1."""

    count = 0

    def index(self, change):
        self.count += 1
        return self.count

    def is_position_available(self, position):
        return False


@mutant("I01")
class ClockThatGoesBack(MemoryDriver):
    def index(self, change):
        return change.index * 10 - (25 if change.index % 5 == 0 else 0)


@mutant("I01")
class SometimesMinusOne(MemoryDriver):
    def index(self, change):
        return -1 if change.index % 4 == 0 else change.index


@mutant("I02", "E20", "I01", "I03")
class Milliseconds(MemoryDriver):
    def index(self, change):
        return 1 + change.index // 3

    def is_position_available(self, position):
        return False


@mutant("I03", "I08")
class SkipsOneOnResume(MemoryDriver):
    def begin(self, system, start_position):
        begin = super().begin(system, start_position)
        return begin + 1 if begin == start_position else begin


@mutant("I03", "I08", "I10", "I13")
class ForgetsPositions(MemoryDriver):
    def is_position_available(self, position):
        return False


@mutant("I03", "I08")
class StartsOver(MemoryDriver):
    def begin(self, system, start_position):
        begin = super().begin(system, start_position)
        return 1 if begin == start_position else begin


@mutant("I04", "E20")
class ReplaysHistory(MemoryDriver):
    def begin(self, system, start_position):
        return 1 if start_position == -1 else super().begin(system, start_position)


@mutant("I05")
class LostPositionRaises(MemoryDriver):
    def begin(self, system, start_position):
        if start_position > 0 and not self.is_position_available(start_position):
            raise DriverError(f"Position {start_position} is gone")
        return super().begin(system, start_position)


@mutant("I05")
class WaitsForLostPosition(MemoryDriver):
    def begin(self, system, start_position):
        return start_position if start_position > 0 else super().begin(system, start_position)


@mutant("I06")
class SnapshotMovesTheStream(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        yield from super().snapshot_rows(stop, partition)
        self._skip_to = self.system().counter

    def messages(self, change):
        if change.index > getattr(self, "_skip_to", 0) or change.index % 2:
            yield from super().messages(change)


@mutant("I06", "R05", "R06")
class ForgetsWhatCameAndWent(MemoryDriver):
    """Compares two looks of its own, between which a snapshot may have told what is in neither."""

    def pending(self, system, position, end):
        found = super().pending(system, position, end)
        before = {change.path for change in system.log if change.index <= position}
        gone = {change.path for change in found if change.kind == "delete"}
        there = {change.path for change in found if change.kind != "delete" and change.path in system.nodes}
        return [change for change in found if change.path in before | there or change.path not in gone]


@mutant("I06")
class SnapshotIndexAbove(MemoryDriver):
    def event(self, kind, rows, source, index=-1):
        return super().event(kind, rows, source, 10**9 if source is MessageSource.SNAPSHOT else index)


@mutant("I07")
class EndExcluded(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        end = kwargs.get("end_position")
        return super().get_message_iterator(start_position, **{**kwargs, "end_position": end and end - 1})


@mutant("I07", "I10", "I13")
class NoEnd(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        return super().get_message_iterator(start_position, **{**kwargs, "end_position": None})


@mutant("I08")
class LatestIsBehind(MemoryDriver):
    def get_latest_position(self):
        return self.system().counter - 1


@mutant("I09")
class AcknowledgeRaises(MemoryDriver):
    def acknowledge(self, index):
        if index < self.system().released:
            raise DriverError("Acknowledged already")
        super().acknowledge(index)


@mutant("I09")
class ReleasesTooMuch(MemoryDriver):
    def acknowledge(self, index):
        super().acknowledge(index + 1)
