"""The contract as a monitor: named predicates over all that a driver tells and does, in whatever check.

`observed(driver_class)` watches every instance that is constructed while the block runs. Source of the rules: driver
contract, sections 3, 4 and 5; of the design: decisions 0208 and 0209.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from fustor_conformance.monitor.clock import Clock
from fustor_conformance.monitor.core import Monitor
from fustor_conformance.monitor.finding import Finding
from fustor_conformance.monitor.watch import watching
from fustor_conformance.monitor.world import WatchedWorld, count_changes
from fustor_conformance.monitor.zone import local_offset_sec, odd_zone

__all__ = ["Finding", "Monitor", "observed", "observed_run", "watched_hands", "watched_world"]

_H = TypeVar("_H")
_monitors: list[Monitor] = []


@contextmanager
def observed(driver_class: type, *, kept: frozenset[str] = frozenset()) -> Iterator[Monitor]:
    """A monitor of what happens in the block, in an odd time zone; within another block it hears alone.

    Args:
        driver_class: what is watched, in every instance that is constructed while the block runs.
        kept: rules whose findings the block sees to itself; the others go to the enclosing block's monitor as well.
    """
    with odd_zone():
        outer = _monitors[-1] if _monitors else None
        monitor = Monitor(Clock(offset_sec=local_offset_sec()))
        _monitors.append(monitor)
        try:
            with watching(driver_class, monitor):
                yield monitor
        finally:
            _monitors.remove(monitor)
            monitor.end()
            if outer is not None:
                outer.hear_of_world(monitor)
                outer.report(*(finding for finding in monitor.findings if finding.rule_id not in kept))


@contextmanager
def observed_run(*driver_classes: type, on_finding: Callable[[Finding], None]) -> Iterator[tuple[Monitor, ...]]:
    """One monitor for each class, for a run that nobody arranged: what is told may be old, the process is the host's.

    Args:
        driver_classes: what is watched, in every instance that is constructed while the block runs.
        on_finding: called with each finding when it is seen, up to three of one rule.
    """
    clock = Clock(local_offset_sec(), is_bounded=False)
    monitors = tuple(Monitor(clock, on_finding, owns_process=False) for _ in driver_classes)
    with ExitStack() as stack:
        for driver_class, monitor in zip(driver_classes, monitors, strict=True):
            stack.callback(monitor.end)
            stack.enter_context(watching(driver_class, monitor))
        yield monitors


def watched_hands(hands: _H) -> _H:
    """What changes a system beside its World, so that the monitor at work knows when."""
    if _monitors:
        count_changes(hands, _monitors[-1])
    return hands


def watched_world(world: Any) -> Any:
    """The World, to be entered so that the monitor at work knows of it."""
    return WatchedWorld(world, _monitors[-1]) if _monitors else world
