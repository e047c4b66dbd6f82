"""Drivers that break a rule of family I: positions that are lost, released, in between, or safely passed."""

from __future__ import annotations

import time
from typing import ClassVar

from kit_source import MemoryDriver

from fustor_event_model import EventType, MessageSource
from kit_mutants.registry import mutant


@mutant("I04", "I03", "I05")
class ReplaysDeletes(MemoryDriver):
    def follow(self, system, position, stop, end):
        for change in [change for change in system.log if change.kind is EventType.DELETE and change.index <= position]:
            yield self.event(change.kind, [self.change_row(change)], MessageSource.REALTIME, self.index(change))
        yield from super().follow(system, position, stop, end)


@mutant("I05")
class LostPositionIsTheBeginning(MemoryDriver):
    def begin(self, system, start_position):
        lost = start_position > 0 and not self.is_position_available(start_position)
        return 1 if lost else super().begin(system, start_position)


@mutant("I08")
class LatestIsAhead(MemoryDriver):
    """A position that is not reached yet: nothing can be resumed there."""

    def get_latest_position(self):
        return super().get_latest_position() + 100


@mutant("I10", "I13")
class BoundedReaderReleases(MemoryDriver):
    def follow(self, system, position, stop, end):
        for event in super().follow(system, position, stop, end):
            yield event
            if end is not None:
                self.acknowledge(event.index)


class SparseIndexes(MemoryDriver):
    """Keeps the rules: every tenth number is an index."""

    def index(self, change):
        return 10 * change.index

    def begin(self, system, start_position):
        return super().begin(system, start_position // 10 if start_position > 0 else start_position)

    def is_position_available(self, position):
        return super().is_position_available(position // 10 if position > 0 else position)

    def get_latest_position(self):
        return 10 * super().get_latest_position()

    def acknowledge(self, index):
        super().acknowledge(index // 10)


@mutant("I11", "I07", "I08", "I03", "I10", "I13")
class RoundsUp(SparseIndexes):
    def begin(self, system, start_position):
        return super().begin(system, start_position + 9 if start_position > 0 else start_position)


class Progress(MemoryDriver):
    """Keeps the rules: says how far it has come while nothing happens."""

    capabilities = MemoryDriver.capabilities | {"progress_interval"}

    def get_message_iterator(self, start_position=-1, **kwargs):
        self._interval = kwargs.get("progress_interval")
        return super().get_message_iterator(start_position, **kwargs)

    def follow(self, system, position, stop, end):
        said = time.monotonic()
        while not self.stopped(stop):
            for change in self.pending(system, position, end):
                if self.stopped(stop) or (end is not None and change.index > end):
                    return
                position = change.index
                yield from self.messages(change)
            if end is not None and system.counter >= end:
                return
            if self._interval is not None and time.monotonic() - said > self._interval:
                said = time.monotonic()
                yield self.event(EventType.UPDATE, [], MessageSource.REALTIME, self.passed(position))

    def passed(self, position):
        return position


@mutant("I12", "I07")
class ProgressAhead(Progress):
    def passed(self, position):
        return position + 1


@mutant("I05")
class StartsWithTheOldest(MemoryDriver):
    """At a position that was released, with what is held still."""

    def begin(self, system, start_position):
        is_gone = 0 < start_position < system.released
        return system.released if is_gone else super().begin(system, start_position)


@mutant("I09")
class AcknowledgeReleasesNothing(MemoryDriver):
    def acknowledge(self, index):
        pass


@mutant("I07")
class EndsBeforeItsEndHasCome(MemoryDriver):
    """A bounded reader ends with what is there now."""

    def get_message_iterator(self, start_position=-1, **kwargs):
        end = kwargs.get("end_position")
        bounded = {**kwargs, "end_position": end and min(end, self.system().counter)}
        return super().get_message_iterator(start_position, **bounded)


@mutant("I13")
class TellsSizesOnce(MemoryDriver):
    """To whichever reader comes first: a range that is read again lacks what did not change."""

    given: ClassVar[set[tuple[str, int]]] = set()

    def get_message_iterator(self, start_position=-1, **kwargs):
        self._end = kwargs.get("end_position")
        return super().get_message_iterator(start_position, **kwargs)

    def messages(self, change):
        for event in super().messages(change):
            if self._end is not None:
                key = (self.config.uri, event.index)
                event.rows = [{**row, "size": None} for row in event.rows] if key in self.given else event.rows
                self.given.add(key)
            yield event
