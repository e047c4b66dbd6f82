"""A World while a monitor watches: when it changes is noted, and what it does to the process is not the driver's."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any

from fustor_conformance.monitor.core import Monitor

__all__ = ["WatchedWorld", "count_changes"]

_READS = frozenset({"config", "list", "stored", "broken", "demo", "reaches", "held"})
_READS |= {"path_of", "place_of", "key_of", "expected", "read"}  # of those that are ready made
_BLOCKS = frozenset({"unreadable", "interrupted", "vacant", "write_slowly"})
"""What is entered; another context manager, such as a connection, may be a helper of the World's own."""


class WatchedWorld:
    """Enters a World for a check."""

    def __init__(self, world: Any, monitor: Monitor) -> None:
        self._world = world
        self._monitor = monitor

    def __enter__(self) -> Any:
        """The World, whose changes are counted from now on, where its methods can be put behind others."""
        with self._monitor.world_at_work():
            entered = self._world.__enter__()
        if hasattr(entered, "__dict__"):
            count_changes(entered, self._monitor)
            self._monitor.knows_world = True
        return entered

    def __exit__(self, *exc_info: object) -> bool | None:
        """Leaves it."""
        with self._monitor.world_at_work():
            left: bool | None = self._world.__exit__(*exc_info)
        return left


def count_changes(world: Any, monitor: Monitor) -> None:
    """Let the monitor hear of every call of a public method that is not known to change nothing."""
    for name in dir(type(world)):
        if name.startswith("_") or name in _READS or name in vars(world):
            continue
        if inspect.isfunction(inspect.getattr_static(type(world), name)):
            vars(world)[name] = _counted(getattr(world, name), monitor)


def _counted(method: Callable[..., Any], monitor: Monitor) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **keywords: Any) -> Any:
        monitor.world_changes()
        began = time.monotonic()
        try:
            result = method(*args, **keywords)
            monitor.world_did(method.__name__, args, result)
        except Exception as err:
            monitor.world_failed(method.__name__, err, time.monotonic() - began)
            raise
        finally:
            monitor.world_changes()
        return _counted_block(result, monitor) if method.__name__ in _BLOCKS else result

    return call


@contextmanager
def _counted_block(block: AbstractContextManager[Any], monitor: Monitor) -> Iterator[Any]:
    """While it runs the system is not as it was, so that nothing counts as quiet."""
    monitor.world_changes()
    try:
        with block as entered:
            yield entered
    finally:
        monitor.world_changes()
