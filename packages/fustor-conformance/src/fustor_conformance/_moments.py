"""The moment between the names of what is in a directory and the first look at one of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["between_names_and_looks"]

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
