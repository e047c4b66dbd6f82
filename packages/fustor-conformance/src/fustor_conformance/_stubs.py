"""Telling what is not written yet from what is broken."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from traceback import walk_tb
from types import CodeType

from fustor_core.drivers import PusherDriver, SourceDriver

_CONTRACT = frozenset(name for base in (SourceDriver, PusherDriver) for name in dir(base) if not name.startswith("_"))


def unwritten(error: NotImplementedError, *owners: type) -> str | None:
    """The method to write, `PostgresDriver.push`, if one of the owners' own stubs raised this error itself.

    A stub is a method of the contract (of a World: any method that it has) whose own frame is the innermost one. Raised
    anywhere else, NotImplementedError is a failure like any other.
    """
    codes = [frame.f_code for frame, _ in walk_tb(error.__traceback__)]
    innermost = codes[-1] if codes else None
    raised = (f"{owner.__name__}.{name}" for owner in owners for name, code in _methods(owner) if code is innermost)
    return next(raised, None)


def _methods(owner: type) -> Iterator[tuple[str, CodeType]]:
    is_driver = issubclass(owner, SourceDriver | PusherDriver)
    for base in owner.__mro__:
        if base is object or base in (SourceDriver, PusherDriver):
            continue
        for name, attribute in vars(base).items():
            if is_driver and name not in _CONTRACT:
                continue
            function = _function(attribute)
            if function is not None:
                yield name, function


def _function(attribute: object) -> CodeType | None:
    if isinstance(attribute, property):
        attribute = attribute.fget
    if isinstance(attribute, classmethod | staticmethod):
        attribute = attribute.__func__
    unwrapped = inspect.unwrap(attribute) if callable(attribute) else None
    return unwrapped.__code__ if inspect.isfunction(unwrapped) else None
