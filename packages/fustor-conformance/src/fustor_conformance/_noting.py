"""What a check did not look at, since a World could not or the time was over: one that passes with less says so."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

_BASIC = frozenset({"create", "modify", "delete", "rename", "nest"})
"""What a World has where its system has it; more is an extra."""


class _Current(threading.local):
    missed: set[str] | None = None


_current = _Current()


class Operations(frozenset[str]):
    """A World's operations, which note what was asked for and is not among them."""

    _missed: set[str]

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)
        if not found and name in _BASIC:
            self._missed.add(str(name))
        return found


def begin() -> set[str]:
    """What the Worlds that this thread makes from now on are asked for in vain."""
    _current.missed = set()
    return _current.missed


def left_out(what: str) -> None:
    """Note what there was no time for, if a check of this thread has begun to listen."""
    if _current.missed is not None:
        _current.missed.add(what)


def note(world: Any) -> None:
    """Let the World's operations note what they are asked for, if a check of this thread has begun to listen."""
    named = getattr(world, "operations", None)
    if _current.missed is None or not isinstance(named, Iterable) or isinstance(named, str):
        return
    operations = Operations(named)
    operations._missed = _current.missed  # noqa: SLF001 - a frozenset takes nothing more in its constructor
    try:
        world.operations = operations
    except AttributeError:  # a World with slots, or with a property, is not listened to
        return
