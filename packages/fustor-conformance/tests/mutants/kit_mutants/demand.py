"""Drivers that break a rule of what agent 0.8 asks for on demand."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

import time

from kit_source import MemoryDriver

from fustor_event_model import MessageSource
from kit_mutants.registry import mutant


@mutant("S26")
class ScanOfNothing(MemoryDriver):
    def scan_path(self, path, *, recursive=True, **kwargs):
        return iter(())


@mutant("S26")
class ScanIsNews(MemoryDriver):
    scan_source = MessageSource.REALTIME


@mutant("S26")
class ScanOfTheSurface(MemoryDriver):
    def part(self, path, *, recursive):
        return super().part(path, recursive=False)


@mutant("S26")
class ScanOfEverything(MemoryDriver):
    def part(self, path, *, recursive):
        return super().part("/", recursive=True)


@mutant("S27")
class GoneIsOld(MemoryDriver):
    """What is not there has the time 0."""

    def states(self, paths):
        found = {state["path"]: state for state in super().states(paths)}
        return iter([found.get(path, {"path": path, "mtime": 0.0, "status": "missing"}) for path in paths])


@mutant("S27")
class StateOfNow(MemoryDriver):
    def state(self, path, node):
        return {**super().state(path, node), "mtime": time.time()}


@mutant("S27")
class AnswersToAll(MemoryDriver):
    def perform_sentinel_check(self, task_batch):
        return super().perform_sentinel_check({**task_batch, "type": "suspect_check"})
