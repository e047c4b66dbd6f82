"""Drivers that break a rule of family A: the audit, in both dialects."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

import posixpath

from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
from fustor_event_model import EventType, LifecycleSignal, MessageSource
from kit_mutants.registry import mutant


@mutant("A01")
class UndeclaredAudit(MemoryDriver):
    capabilities = MemoryDriver.capabilities - {"get_audit_iterator"}


@mutant("A02", "A05", "E04")
class SignalsAmongPairs(MemoryDriver):
    def pairs_audit(self, size, stop, cache):
        yield self.signal(LifecycleSignal.AUDIT_START), {}
        yield from super().pairs_audit(size, stop, cache)


@mutant("A02", "A03", "A04", "A05", "A06", "A07", "A08", "A09", "A10", "A11", "A12")
class AlwaysPairs(MemoryDriver):
    def guide_audit(self, size, stop):
        return super().pairs_audit(size, stop, {})


@mutant("A03")
class NoAuditStart(MemoryDriver):
    def guide_audit(self, size, stop):
        audit = super().guide_audit(size, stop)
        first, second = next(audit), next(audit)
        del first
        yield second
        yield from audit


@mutant("A03")
class ListsBeforeStart(MemoryDriver):
    def guide_audit(self, size, stop):
        items = list(super().guide_audit(size, None))
        yield items.pop(0)
        for item in items:
            if not self.stopped(stop):
                yield item


@mutant("A03")
class EndFromFinally(MemoryDriver):
    def guide_audit(self, size, stop):
        for item in super().guide_audit(size, stop):
            if item.signal is not LifecycleSignal.AUDIT_END:
                yield item
        yield self.signal(LifecycleSignal.AUDIT_END)


@mutant("A04", "E11")
class ParentOfTheSystem(MemoryDriver):
    def row(self, path, node, **more):
        row = super().row(path, node, **more)
        return {**row, "parent_path": "/srv/data" + posixpath.dirname(path)} if "parent_mtime" in more else row


@mutant("A04", "A17")
class ParentTimeIsOwnTime(MemoryDriver):
    def row(self, path, node, **more):
        if "parent_mtime" in more:
            more["parent_mtime"] = node.mtime
        return super().row(path, node, **more)


@mutant("A05", "A04", "A09", "A16")
class NoContainerRows(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        yield from ()


@mutant("A05", "A12")
class ContainerFirst(MemoryDriver):
    def audit(self, path, cache, stop, above=None):
        told = list(super().audit(path, cache, stop, above))
        return iter([*told[-1:], *told[:-1]])


@mutant("A05", "A09", "A10")
class OpensInTheMiddle(MemoryDriver):
    """The root's row with audit_skipped comes after the first event that tells something."""

    def opening(self):
        return iter(())

    def pairs_audit(self, size, stop, cache):
        audit = super().pairs_audit(size, stop, cache)
        yield next(audit)
        node = self.system().stat("/")
        mark = self.row("/", node, parent_mtime=node.mtime, audit_skipped=True)
        yield self.event(EventType.UPDATE, [mark], MessageSource.AUDIT), {}
        yield from audit


@mutant("A06")
class SilentWithoutMark(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        return super().container(system, path, node, above, silent=False, failed=failed)


@mutant("A07", "A15")
class SilentIsNotEntered(MemoryDriver):
    def children(self, system, path):
        node = system.stat(path)
        if node is not None and getattr(self, "_cache", {}).get(path) == node.mtime == self._listed.get(path):
            return []
        return super().children(system, path)

    def guide_audit(self, size, stop):
        self._cache = {}
        return super().guide_audit(size, stop)

    def pairs_audit(self, size, stop, cache):
        self._cache = cache
        return super().pairs_audit(size, stop, cache)


@mutant("A08")
class WritesTheHostsDict(MemoryDriver):
    def pairs_audit(self, size, stop, cache):
        for event, stamps in super().pairs_audit(size, stop, cache):
            cache.update(stamps)
            yield event, stamps


@mutant("A09", "A10", "A11")
class OwnCacheCounts(MemoryDriver):
    def is_silent(self, path, node, cache):
        return cache is not None and self._listed.get(path) == node.mtime


@mutant("A10", "A14")
class PlainRowForUnreadable(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        return super().container(system, path, node, above, silent=silent, failed=False)


@mutant("A10")
class NoRowForUnreadable(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        if not failed:
            yield from super().container(system, path, node, above, silent=silent, failed=False)


@mutant("A10", "A08", "A14")
class OneUnreadableEndsTheAudit(MemoryDriver):
    def children(self, system, path):
        if path in system.unreadable:
            raise DriverError(f"{path!r} cannot be read")
        return super().children(system, path)


@mutant("A11", "A03", "A12", "A07", "A14", "A15")
class AuditFromMemory(MemoryDriver):
    def children(self, system, path):
        if not hasattr(self, "_known"):
            self._known = {}
        return self._known.setdefault(path, super().children(system, path))


@mutant("A12", "A15", "A17")
class StampsAfterListing(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        now = system.stat(path) or node
        row, stamps = next(super().container(system, path, now, above, silent=silent, failed=failed))
        yield {**row, "parent_mtime": now.mtime} if path == "/" else row, stamps


@mutant("A09")
class EmptyIsNotListed(MemoryDriver):
    def children(self, system, path):
        return super().children(system, path) or (None if path != "/" else [])


@mutant("A12", "E08")
class PagesOfATable(MemoryDriver):
    """Its rows are a table's, read one after the other, and what changes meanwhile marks nothing."""

    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.event_schema = "kit"
        return event

    def container(self, system, path, node, above, *, silent, failed):
        for row, stamps in super().container(system, path, node, above, silent=silent, failed=failed):
            if not silent and not failed:
                row.pop("audit_skipped", None)
            yield row, stamps
