"""Whether a call comes from a driver itself: what it asks of its own methods is its own affair."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fustor_core.drivers import PusherDriver, SourceDriver

__all__ = ["entered", "is_inside", "is_own_call", "modules_of"]

_inside: ContextVar[bool] = ContextVar("fustor_conformance_inside", default=False)


@contextmanager
def entered() -> Iterator[None]:
    """While the block runs, this thread or task is inside a driver."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def is_inside() -> bool:
    """Whether this thread or task is inside a driver."""
    return _inside.get()


def is_own_call(modules: frozenset[str]) -> bool:
    """Whether whoever called the function that asks is a driver of these packages, in whatever thread."""
    return is_inside() or _package(sys._getframe(2).f_globals.get("__name__", "")) in modules  # noqa: SLF001 - the documented way to see a caller


def modules_of(driver_class: type) -> frozenset[str]:
    """The packages that a driver class and what it inherits are from, the contract's own aside."""
    bases = (base for base in driver_class.__mro__ if base not in (SourceDriver, PusherDriver))
    contract = _package(SourceDriver.__module__)
    return frozenset(map(_package, (base.__module__ for base in bases))) - {contract, "abc", "builtins"}


def _package(module: str) -> str:
    return module.partition(".")[0]
