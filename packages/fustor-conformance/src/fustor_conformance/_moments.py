"""Moments inside a driver that no race hits: between names and looks, and after rows were fetched from a database."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from fustor_conformance._scenes import Reading

__all__ = ["after_each_fetch", "between_names_and_looks"]

_T = TypeVar("_T")
_FETCHES = {"fetchall", "fetchmany", "fetchone"}
_TURN_SEC = 0.05
_ACT_SEC = 0.6
_NAMES = {"listdir", "scandir"}
_LOOKS = {"stat", "lstat"}
_PLACES = {"posix", "nt", "posix.DirEntry", "nt.DirEntry"}


@contextmanager
def between_names_and_looks(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` whenever this thread, or one that it starts, has read names with `os` and looks at one.

    A driver that reads directories in another way never comes to such a moment. What `act` raises is raised at the end.
    """
    before, threads_before = sys.getprofile(), threading.getprofile()
    hook = _Hook(act)
    threading.setprofile(hook)
    sys.setprofile(hook)
    try:
        yield
    finally:
        sys.setprofile(before)
        threading.setprofile(threads_before)
    if hook.error is not None:
        raise hook.error


class _Hook:
    """A profile function: the interpreter calls it before and after each function written in C."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._has_names = False
        self.error: Exception | None = None

    def __call__(self, _frame: FrameType, event: str, function: Any) -> None:
        if event != "c_call":
            return
        name = getattr(function, "__name__", "")
        if name in _NAMES and _is_of_the_system(function):
            self._has_names = True
        elif self._has_names and name in _LOOKS and _is_of_the_system(function):
            self._has_names = False
            try:
                self._act()
            except Exception as err:  # noqa: BLE001 - the World's, which is not to meet the driver
                self.error = err


def _is_of_the_system(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    kind = type(owner)
    return getattr(owner, "__name__", f"{kind.__module__}.{kind.__qualname__}") in _PLACES


def after_each_fetch(make: Callable[[], Iterable[_T]], act: Callable[[], object]) -> list[_T]:
    """What an iterator yields, read in another thread; `act` is called here whenever rows were fetched in that one.

    The reader waits for `act` a moment only: what it holds open may be what `act` waits for. A driver that fetches by
    iterating over a cursor, or has no cursor, never comes to such a moment.
    """
    asked, done = threading.Event(), threading.Event()

    def hook(_frame: FrameType, event: str, function: Any) -> None:
        if event == "c_return" and getattr(function, "__name__", "") in _FETCHES:
            done.clear()
            asked.set()
            done.wait(_ACT_SEC)

    def read() -> Iterator[_T]:
        sys.setprofile(hook)
        try:
            yield from make()
        finally:
            sys.setprofile(None)

    reading = Reading(read)
    while reading.goes_on:
        if asked.wait(_TURN_SEC):
            asked.clear()
            act()
            done.set()
    return reading.finish()
