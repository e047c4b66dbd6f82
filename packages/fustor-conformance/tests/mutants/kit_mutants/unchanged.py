"""Drivers that break a rule of family A: what may be called unchanged, and when that is forgotten."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

import time
from dataclasses import replace

from kit_source import MemoryDriver

from kit_mutants.registry import mutant


@mutant("A13")
class HeldWithAnyTime(MemoryDriver):
    def is_silent(self, path, node, cache):
        return cache is not None and path in cache and node.mtime == self._listed.get(path)


@mutant("A14")
class RemembersWhatFailed(MemoryDriver):
    def audit(self, path, cache, stop, above=None):
        known = self._listed.get(path)
        yield from super().audit(path, cache, stop, above)
        if path not in self._listed and known is not None:
            self._listed[path] = known


@mutant("A14")
class RemembersWhatWasNotVisited(MemoryDriver):
    def begin_visits(self):
        pass


@mutant("A14")
class RealtimeForgetsNothing(MemoryDriver):
    def forget(self, touched):
        pass


@mutant("A15", "A14", "A07", "A13")
class CoarseClock(MemoryDriver):
    """Times that differ by less than a tick are the same."""

    def is_old(self, node):
        return True

    def is_silent(self, path, node, cache):
        known = self._listed.get(path)
        return cache is not None and path in cache and known is not None and abs(known - node.mtime) < 0.1


@mutant("A15")
class TrustsYoungTimes(MemoryDriver):
    """Its audits list at once, without an opening that would take longer than a tick of the clock."""

    def opening(self):
        return iter(())

    def is_old(self, node):
        return True


@mutant("A14")
class RemembersWhatNobodyTook(MemoryDriver):
    """Containers are known when they were read, before the host has their rows."""

    def pairs_audit(self, size, stop, cache):
        ahead = list(super().pairs_audit(size, stop, cache))
        seen = {path: mtime for _, stamps in ahead for path, mtime in stamps.items()}
        for event, stamps in ahead:
            yield event, seen if stamps else stamps


class _Clocked:
    """The system, in which every container has changed at one moment."""

    def __init__(self, system, moment):
        self._system = system
        self._moment = moment

    def __getattr__(self, name):
        return getattr(self._system, name)

    def stat(self, path):
        node = self._system.stat(path)
        return replace(node, mtime=self._moment) if node is not None and node.directory else node


@mutant("A20", "A12", "A17")
class ContainersHaveTheTimeOfTheAudit(MemoryDriver):
    moment = 0.0

    def begin_visits(self):
        super().begin_visits()
        self.moment = time.time()

    def system(self):
        return _Clocked(super().system(), self.moment) if self.moment else super().system()
