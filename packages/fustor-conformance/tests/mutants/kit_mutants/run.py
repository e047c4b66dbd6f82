"""Drivers that break a rule of family R: whole runs."""

# ruff: noqa: RUF012 - a mutant keeps the signature that it breaks

from __future__ import annotations

from kit_source import MemoryDriver

from fustor_event_model import EventType
from kit_mutants.registry import mutant


@mutant("R03", "A06", "A09", "A10", "A11")
class AuditOverlooks(MemoryDriver):
    def audit_child(self, system, path, *rest, **more):
        if path != "/kit-7":
            yield from super().audit_child(system, path, *rest, **more)


@mutant("R05")
class NeverTwice(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._gone = set()

    def messages(self, change):
        if change.kind is EventType.DELETE:
            self._gone.add(change.path)
        if change.kind is EventType.DELETE or change.path not in self._gone:
            yield from super().messages(change)


class _AskedFirst(MemoryDriver):
    """A driver that tells no snapshot once it was asked for one certain position: only whole hosts do both."""

    asked: set[str] = set()
    position = 0

    def is_position_available(self, position):
        if position == self.position:
            self.asked.add(self.config.uri)
        return position > 0 and super().is_position_available(position)

    def begin(self, system, start_position):
        return super().begin(system, max(start_position, 0) or -2)

    def snapshot_rows(self, stop, partition):
        return iter(()) if self.config.uri in self.asked else super().snapshot_rows(stop, partition)


@mutant("R01", "R05")
class EmptyAfterMinusOne(_AskedFirst):
    position = -1


@mutant("R02")
class EmptyAfterZero(_AskedFirst):
    position = 0
