"""Drivers that break a rule of family M: the message stream."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

import threading

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


@mutant("M04")
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


@mutant("M06")
class RenameOfTopOnly(MemoryDriver):
    def messages(self, change):
        if not change.path.startswith("/kit-moved/"):
            yield from super().messages(change)


@mutant("M07")
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
