"""Drivers that break a rule of family M: the message stream."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

import threading
from dataclasses import replace

from kit_memory import SYSTEMS
from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
from fustor_event_model import EventType
from kit_mutants.registry import mutant


@mutant("M01", "M09")
class IgnoresStopEvent(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        return super().get_message_iterator(start_position, **{**kwargs, "stop_event": None})


@mutant("M01")
class StopIsAnError(MemoryDriver):
    def follow(self, system, position, stop, end):
        yield from super().follow(system, position, stop, end)
        if stop is not None and stop.is_set():
            raise DriverError("Stopped")


@mutant("M02")
class CloseLeavesReader(MemoryDriver):
    def stopped(self, stop):
        return stop.is_set() if stop is not None else super().stopped(stop)


@mutant("M03", "I06", "M07")
class ArmsAtFirstNext(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        yield from super().get_message_iterator(start_position, **kwargs)


@mutant("M03", "I06", "M07")
class ArmsInTheGeneratorThatItReturns(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        def armed():
            yield from super(ArmsInTheGeneratorThatItReturns, self).get_message_iterator(start_position, **kwargs)

        return armed()


@mutant("M04", "M01")
class FaultEndsStream(MemoryDriver):
    def wait_until_up(self, system, stop):
        if system.down:
            raise DriverError("Connection lost")


@mutant("M04")
class FaultLosesPlace(MemoryDriver):
    def follow(self, system, position, stop, end):
        for event in super().follow(system, position, stop, end):
            if not getattr(self, "_was_down", False):
                yield event

    def wait_until_up(self, system, stop):
        if system.down:
            self._was_down = True
        super().wait_until_up(system, stop)


@mutant("M05")
class BareKeyError(MemoryDriver):
    def system(self):
        return SYSTEMS[self.config.uri]


@mutant("M06")
class RenameWithoutDelete(MemoryDriver):
    def messages(self, change):
        if change.kind is not EventType.DELETE or "old" not in change.path:
            yield from super().messages(change)


@mutant("M06", "M11")
class RenameOfTopOnly(MemoryDriver):
    def messages(self, change):
        if not change.path.startswith("/kit-moved/"):
            yield from super().messages(change)


@mutant("M07", "M11")
class DropsWhenFull(MemoryDriver):
    def pending(self, system, position, end):
        return super().pending(system, position, end)[-10 * self.config.max_queue_size :][-100:]


@mutant("M08")
class Spins(MemoryDriver):
    def pending(self, system, position, end):
        return system.log[max(position - 1, 0) :]


@mutant("M09")
class LeaksAThread(MemoryDriver):
    def begin(self, system, start_position):
        threading.Thread(target=threading.Event().wait, args=(8,), name="leak", daemon=True).start()
        return super().begin(system, start_position)


@mutant("M10")
class NewKeyIsAnUpdate(MemoryDriver):
    """The path is new, the row is not: what the log does not repeat is left out."""

    def messages(self, change):
        is_new = change.kind is EventType.INSERT
        yield from super().messages(replace(change, kind=EventType.UPDATE) if is_new else change)


@mutant("M10")
class DeleteOfAPathThatComesBackIsLeftOut(MemoryDriver):
    """Two rows that exchange their keys keep each other's long values."""

    def messages(self, change):
        node = SYSTEMS[self.config.uri].stat(change.path)
        if node is None or not node.record:
            yield from super().messages(change)
        elif change.kind is not EventType.DELETE:
            yield from super().messages(replace(change, kind=EventType.UPDATE))


@mutant("M10")
class LeftOutIsNull(MemoryDriver):
    def change_record(self, change, record):
        return {**dict.fromkeys(record), **super().change_record(change, record)}


@mutant("M10")
class SnapshotLeavesOutTheLong(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            if "record" in row:
                row["record"] = {"n": row["record"]["n"]}
            yield row


@mutant("M01")
class EndsALittleLate(MemoryDriver):
    """It takes a moment longer than it may, each time."""

    def follow(self, system, position, stop, end):
        yield from super().follow(system, position, stop, end)
        threading.Event().wait(2.1)
