"""Listening to a driver: its methods are put behind others of the same form while a monitor watches.

The class stays the driver's own, and so do its instances: nothing is added to them, and what asks for a method's form,
signature or owner gets the answer that it would get otherwise. A driver's calls of its own methods go straight through.
"""

from __future__ import annotations

import inspect
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from fustor_conformance.monitor.core import Monitor
from fustor_conformance.monitor.ear import PHASES, Ear, Instance
from fustor_core.drivers import PusherDriver, SourceDriver

__all__ = ["watching"]

_METHODS = (
    "get_snapshot_iterator",
    "get_message_iterator",
    "get_audit_iterator",
    "is_position_available",
    "acknowledge",
    "get_latest_position",
    "get_snapshot_partitions",
    "statistics",
    "push",
    "heartbeat",
    "create_session",
    "get_latest_committed_index",
    "close",
)
_CONTRACT = (SourceDriver, PusherDriver)


_listeners: dict[type, list[Monitor]] = {}
_known: dict[int, tuple[weakref.ref[Any], Monitor, Instance]] = {}
_inside: ContextVar[bool] = ContextVar("fustor_conformance_inside", default=False)
"""Whether this thread or task is inside a driver."""


@contextmanager
def watching(driver_class: type, listener: Monitor) -> Iterator[None]:
    """While the block runs, the listener hears of every instance of that class that is constructed in it.

    In a block within a block the inner listener hears alone.
    """
    heard_by = _listeners.setdefault(driver_class, [])
    heard_by.append(listener)
    undo = _put_behind(driver_class) if len(heard_by) == 1 and isinstance(driver_class, type) else []
    try:
        yield
    finally:
        heard_by.remove(listener)
        for put_back in undo:
            put_back()


def _put_behind(driver_class: type) -> list[Callable[[], None]]:
    modules = _modules_of(driver_class)
    ways_back = [_replace(driver_class, "__init__", _constructor(driver_class))]
    for name in _METHODS:
        found = inspect.getattr_static(driver_class, name, None)
        of_contract = any(found is inspect.getattr_static(base, name, None) for base in _CONTRACT)
        if inspect.isfunction(found) and not inspect.isasyncgenfunction(found) and not of_contract:
            form = _coroutine if inspect.iscoroutinefunction(found) else _function
            ways_back.append(_replace(driver_class, name, form(driver_class, name, found, modules)))
    return ways_back


def _replace(driver_class: type, name: str, function: Any) -> Callable[[], None]:
    was_own, before = name in vars(driver_class), vars(driver_class).get(name)
    setattr(driver_class, name, function)
    return lambda: setattr(driver_class, name, before) if was_own else delattr(driver_class, name)


def _constructor(driver_class: type) -> Callable[..., None]:
    original: Callable[..., None] = inspect.getattr_static(driver_class, "__init__")

    @wraps(original)
    def construct(self: Any, /, *args: Any, **keywords: Any) -> None:
        heard_by = _listeners.get(driver_class)
        if not heard_by:
            original(self, *args, **keywords)
            return
        config = keywords.get("config", args[1] if len(args) > 1 else None)
        heard_by[-1].about_to_construct(config)
        with _entered():
            original(self, *args, **keywords)
        _know(self, heard_by[-1], heard_by[-1].constructed())

    return construct


def _know(driver: Any, listener: Monitor, instance: Instance) -> Instance:
    key = id(driver)
    instance.driver = weakref.ref(driver)
    _known[key] = (weakref.ref(driver, lambda _: _known.pop(key, None)), listener, instance)
    return instance


def _heard(driver: Any, driver_class: type) -> tuple[Monitor, Instance] | None:
    """Who listens to this instance: whoever listened when it was constructed, while that lasts."""
    found = _known.get(id(driver))
    if found is None or found[0]() is not driver:
        heard_by = _listeners.get(driver_class)
        if not heard_by:
            return None
        return heard_by[-1], _know(driver, heard_by[-1], Instance())
    return None if found[1].is_over else found[1:]


def _function(
    driver_class: type, name: str, original: Callable[..., Any], modules: frozenset[str]
) -> Callable[..., Any]:
    @wraps(original)
    def call(self: Any, /, *args: Any, **keywords: Any) -> Any:
        heard = None if _is_own_call(modules) else _heard(self, driver_class)
        if heard is None:
            return original(self, *args, **keywords)
        listener, instance = heard
        before = listener.called(instance, name, args, keywords)
        began = time.monotonic()
        try:
            with _entered():
                result = original(self, *args, **keywords)
        except BaseException as err:
            listener.failed(name, before, err)
            raise
        if inspect.isawaitable(result):
            return result  # not in the contract's form, which C01 says
        listener.returned(instance, name, before, result, time.monotonic() - began)
        if name in PHASES and isinstance(result, Iterator):
            return _WatchedIterator(result, listener, listener.opened(instance, name, keywords))
        return result

    return call


def _coroutine(
    driver_class: type, name: str, original: Callable[..., Any], modules: frozenset[str]
) -> Callable[..., Any]:
    @wraps(original)
    async def call(self: Any, /, *args: Any, **keywords: Any) -> Any:
        heard = None if _is_own_call(modules) else _heard(self, driver_class)
        if heard is None:
            return await original(self, *args, **keywords)
        listener, instance = heard
        before = listener.called(instance, name, args, keywords)
        began = time.monotonic()
        try:
            with _entered():
                result = await original(self, *args, **keywords)
        except BaseException as err:
            listener.failed(name, before, err)
            raise
        listener.returned(instance, name, before, result, time.monotonic() - began)
        return result

    return call


class _WatchedIterator:
    """A driver's iterator with an ear at it; gone at the moment when nobody holds it, as the driver's own would be."""

    __slots__ = ("__weakref__", "_ear", "_inner", "_listener")

    def __init__(self, inner: Iterator[Any], listener: Monitor, ear: Ear) -> None:
        self._inner = inner
        self._listener = listener
        self._ear = ear

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._listener.is_over or _inside.get():
            return next(self._inner)
        self._ear.asked()
        try:
            with _entered():
                item = next(self._inner)
        except StopIteration:
            self._over(None)
            raise
        except BaseException as err:
            self._over(err)
            raise
        if not self._listener.is_over:
            self._ear.heard(item)
        return item

    def _over(self, error: BaseException | None) -> None:
        if not self._listener.is_over:
            self._ear.ended(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@contextmanager
def _entered() -> Iterator[None]:
    """While the block runs, this thread or task is inside a driver."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def _is_own_call(modules: frozenset[str]) -> bool:
    """Whether whoever called the function that asks is a driver of these packages, in whatever thread."""
    return _inside.get() or _package(sys._getframe(2).f_globals.get("__name__", "")) in modules  # noqa: SLF001 - the documented way to see a caller


def _modules_of(driver_class: type) -> frozenset[str]:
    """The packages that a driver class and what it inherits are from, the contract's own aside."""
    contract = _package(SourceDriver.__module__)
    return frozenset(_package(base.__module__) for base in driver_class.__mro__) - {contract, "abc", "builtins"}


def _package(module: str) -> str:
    return module.partition(".")[0]
