"""Drivers that break a rule of family R: whole runs."""

# ruff: noqa: RUF012 - a mutant keeps the signature that it breaks

from __future__ import annotations

from kit_journal import JournalDriver, JournalWorld
from kit_memory import SYSTEMS
from kit_source import MemoryDriver

from fustor_event_model import EventType, MessageSource
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


@mutant("R05")
class PagesByPosition(MemoryDriver):
    """The second page begins where the first one ended, counted anew: what went meanwhile makes it skip as many."""

    def get_snapshot_iterator(self, **kwargs):
        stop, partition = kwargs.get("stop_event"), kwargs.get("partition")
        size, start = kwargs.get("batch_size", 1000), 0
        while page := list(super().snapshot_rows(stop, partition))[start : start + size]:
            yield from self.batches(iter(page), MessageSource.SNAPSHOT, size)
            start += size


@mutant("R05")
class ForgetsBeyondAQueue(MemoryDriver):
    """Of more than 500 changes at one look the later ones are dropped."""

    def pending(self, system, position, end):
        found = super().pending(system, position, end)
        return found if len(found) <= 500 else [*found[:500], *found[-1:]]


@mutant("R05")
class SeesNothingHidden(MemoryDriver):
    def messages(self, change):
        if not change.path.rpartition("/")[2].startswith("."):
            yield from super().messages(change)


@mutant("R05")
class KeepsTheOldKind(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._kinds = {}

    def change_row(self, change):
        row = super().change_row(change)
        return {**row, "is_directory": self._kinds.setdefault(change.path, row["is_directory"])}


@mutant("R05")
class TakesNothingForAbsent(MemoryDriver):
    """What has no bytes is no row when it is listed."""

    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            if row["size"] or row["is_directory"]:
                yield row


@mutant("R05", "A08", "A11")
class UnreadableMidwayIsListed(MemoryDriver):
    """A container that was readable when the audit began is never marked as skipped."""

    def container(self, system, path, node, above, *, silent, failed):
        yield from super().container(system, path, node, above, silent=silent, failed=failed and path not in self._seen)

    def get_audit_iterator(self, **kwargs):
        system = self.system()
        self._seen = set(system.nodes) - system.unreadable
        return super().get_audit_iterator(**kwargs)


@mutant("R06", world=JournalWorld)
class ReadsThenAsksTheTime(JournalDriver):
    """The clock is that of after the read, and of a look at something else."""

    def pages(self, size):
        for _, page in super().pages(size):
            self._stop_driver_event.wait(0.01)
            yield self.now(), page


@mutant("R08", "C07")
class CallsItselfTransient(MemoryDriver):
    """It could wait, and has the agent give up its stream where the bus is full."""

    @property
    def is_transient(self):
        return True


@mutant("R08", "R05", "R06")
class ForgetsWhatIsNotAskedFor(MemoryDriver):
    """Of more than 100 changes that nobody has asked for, the older ones are dropped."""

    def pending(self, system, position, end):
        return super().pending(system, position, end)[-100:]


@mutant("R09")
class ListsBeforeItsAuditHasBegun(MemoryDriver):
    """The released view begins the audit with the first row, when all has been listed."""

    def opening(self):
        return iter(())


@mutant("R07")
class ExcludesWhatItListsAlone(MemoryDriver):
    def messages(self, change):
        self._touched.append(change.path)
        yield self.event(change.kind, [self.change_row(change)], MessageSource.REALTIME, self.index(change))


@mutant("R07")
class ExcludesLastNamesAlone(MemoryDriver):
    """What lies in a container that is left out has another name, and is taken for something else."""

    def is_excluded(self, path):
        return super().is_excluded(path.rpartition("/")[2])


@mutant("R05")
class AContainerInAThingsPlaceIsNotTold(MemoryDriver):
    """What is in it is; an empty one stays a thing."""

    def messages(self, change):
        now = SYSTEMS[self.config.uri].stat(change.path)
        was_thing = any(c.path == change.path and not c.node.directory for c in SYSTEMS[self.config.uri].log)
        if now is None or not now.directory or not was_thing:
            yield from super().messages(change)
