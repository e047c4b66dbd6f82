"""The garbage collector while a host runs: events come and go in thousands, and hardly one of them is in a cycle."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["calm_collector"]

_YOUNG = 10_000
"""Containers (dicts, lists, objects) that are new before a collection: about those of a full push of small events."""
_lock = threading.Lock()
_before: list[tuple[int, int, int]] = []
"""The thresholds that every run under way found, the first one those of the process."""


@contextmanager
def calm_collector() -> Iterator[None]:
    """Let the collector leave alone what was there before, and wait until much is new.

    With the thresholds of Python it looks at every event that waits two or three times, and again and again at all
    modules; that is a tenth of a run. What is garbage is found all the same, a little later. The setting is the
    process's; after the last of several runs it is as before.
    """
    with _lock:
        _before.append(gc.get_threshold())
        young, *older = _before[0]
        gc.freeze()
        gc.set_threshold(young and max(young, _YOUNG), *older)
    try:
        yield
    finally:
        with _lock:
            thresholds, *_ = _before
            _before.pop()
            if not _before:
                gc.set_threshold(*thresholds)
                gc.unfreeze()
