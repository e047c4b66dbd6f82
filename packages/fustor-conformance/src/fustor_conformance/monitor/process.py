"""What a process shares with all that runs in it, read before and after a driver was at work."""

from __future__ import annotations

import decimal
import gc
import locale
import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from fustor_conformance.monitor.finding import Finding
from fustor_conformance.monitor.zone import set_zone

__all__ = ["ProcessState", "changed_process", "glance"]

_ENVIRONMENT = "os.environ"
_WARNINGS = "warnings that are ignored altogether"
_ABSENT = "(absent)"
_NOT_LOOKED_AT = frozenset({"PYTEST_CURRENT_TEST", "TZ"})
"""Pytest's own, and one that is a part of its own."""


def _umask() -> str | None:
    """Read where the system tells, since os.umask can only be asked by setting it."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("Umask:"):
                return line.split()[1]
    return None


def _directory() -> str | None:
    with suppress(OSError):
        return str(Path.cwd())
    return None


def _blanket_filters() -> tuple[str, ...]:
    """Filters that hide every warning of everybody; those that a library sets for its own are not looked at."""
    chosen = (entry for entry in warnings.filters if entry[0] == "ignore" and entry[1:4] == (None, Warning, None))
    return tuple(map(str, chosen))


def _set_environment(values: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(values) - _NOT_LOOKED_AT:
        del os.environ[name]
    os.environ.update(values)


def _set_handlers(handlers: Mapping[str, Any]) -> None:
    for name, handler in handlers.items():
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.Signals[name]) != handler:
            signal.signal(signal.Signals[name], handler)


def _streams() -> tuple[object, ...]:
    """What stands in for the process's own output; pytest's capture comes and goes with the phases of a test."""
    streams = ((sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__))
    return tuple(
        "the process's own" if now is own or type(now).__module__.startswith("_pytest.") else id(now)
        for now, own in streams
    )


def _root_handlers() -> tuple[logging.Handler, ...]:
    """Those that are not pytest's own, which come and go with the phases of a test."""
    return tuple(one for one in logging.root.handlers if not type(one).__module__.startswith("_pytest."))


def _set_root_handlers(handlers: tuple[logging.Handler, ...]) -> None:
    own = _root_handlers()
    logging.root.handlers[:] = [*(one for one in logging.root.handlers if one not in own), *handlers]


def _set_collector(state: tuple[bool, tuple[int, int, int]]) -> None:
    gc.set_threshold(*state[1])
    (gc.enable if state[0] else gc.disable)()


class _Part(NamedTuple):
    """How it is read, and how it is put back; None where it cannot be, or need not."""

    read: Callable[[], Any]
    write: Callable[[Any], object] | None = None


_PARTS = {
    "the time zone": _Part(
        lambda: (os.environ.get("TZ"), time.tzname, time.timezone), lambda state: set_zone(state[0])
    ),
    "the working directory": _Part(_directory, lambda path: os.chdir(path) if path else None),
    "the umask": _Part(_umask, lambda octal: octal and os.umask(int(octal, 8))),
    "the signal handlers": _Part(
        lambda: {number.name: signal.getsignal(number) for number in signal.Signals}, _set_handlers
    ),
    "sys.path": _Part(lambda: tuple(sys.path), lambda path: sys.path.__setitem__(slice(None), path)),
    "the locale": _Part(lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
    _ENVIRONMENT: _Part(
        lambda: {name: value for name, value in os.environ.items() if name not in _NOT_LOOKED_AT},
        _set_environment,
    ),
    _WARNINGS: _Part(_blanket_filters),
    "the root logger's level": _Part(lambda: logging.root.level, logging.root.setLevel),
    "the root logger's handlers": _Part(_root_handlers, _set_root_handlers),
    "logging.disable": _Part(lambda: logging.root.manager.disable, logging.disable),
    "the default context of decimal": _Part(lambda: repr(decimal.DefaultContext)),
    "the default timeout of sockets": _Part(socket.getdefaulttimeout, socket.setdefaulttimeout),
    "sys.excepthook": _Part(lambda: sys.excepthook, lambda hook: setattr(sys, "excepthook", hook)),
    "threading.excepthook": _Part(lambda: threading.excepthook, lambda hook: setattr(threading, "excepthook", hook)),
    "sys.stdout and sys.stderr": _Part(_streams),
    "the garbage collector": _Part(lambda: (gc.isenabled(), gc.get_threshold()), _set_collector),
    "the recursion limit": _Part(sys.getrecursionlimit, sys.setrecursionlimit),
    "the switch interval": _Part(sys.getswitchinterval, sys.setswitchinterval),
}
"""What is looked at, by its name."""


_WATCHED = [number for number in signal.Signals if number.name in {"SIGTERM", "SIGHUP", "SIGCHLD"}]
"""Of others one is an event loop's own while it runs."""


def glance() -> dict[str, object]:
    """What can be read so fast that it is, after each call, by its name."""
    return {
        "the working directory": _directory(),
        "the time zone": time.tzname,
        "the locale": locale.setlocale(locale.LC_ALL),
        "the signal handlers": [signal.getsignal(number) for number in _WATCHED],
        "sys.path": tuple(sys.path),
        "the default timeout of sockets": socket.getdefaulttimeout(),
        "the root logger's level": logging.root.level,
        "sys.excepthook": sys.excepthook,
    }


class ProcessState:
    """What the process shares, as it was when this was made."""

    def __init__(self) -> None:
        self._parts = {name: part.read() for name, part in _PARTS.items()}
        self._modules = len(sys.modules)

    def changes(self, later: ProcessState) -> dict[str, str]:
        """What differs later, by name. What an import may bring is nobody's: new variables, filters of warnings."""
        imported = later._modules != self._modules
        found = {}
        for name in self._parts:
            before, after = self._parts[name], later._parts[name]
            if name == _WARNINGS and (imported or len(after) <= len(before)):
                continue
            if isinstance(before, Mapping):
                before, after = _differing(before, after, no_new=imported and name == _ENVIRONMENT)
            if before != after:
                found[name] = f"{name} changed from {before!r} to {after!r}"
        return found

    def adopt(self, later: ProcessState, names: Mapping[str, str]) -> None:
        """Take what differs under these names as it is later: somebody else than the driver changed it."""
        for name in names:
            self._parts[name] = later._parts[name]

    def restore(self, names: Mapping[str, str]) -> None:
        """Put back, for the checks that follow, what can be put back."""
        for name in names:
            if (write := _PARTS[name].write) is not None:
                write(self._parts[name])


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], *, no_new: bool) -> tuple[Any, Any]:
    """The entries that differ; values stay unsaid unless they are harmless, since a variable may hold a secret."""
    names = sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name, _ABSENT) != after.get(name, _ABSENT) and not (no_new and name not in before)
    )
    return (
        [f"{name}: {'set' if name in before else _ABSENT}" for name in names],
        [
            f"{name}: {'set otherwise' if name in before else 'set'}" if name in after else f"{name}: {_ABSENT}"
            for name in names
        ],
    )


def changed_process(changes: Mapping[str, str], after: str = "After the driver was at work") -> list[Finding]:
    """C15: one finding for each part that is not as it was found."""
    return [Finding("C15", f"{after} {text}") for text in changes.values()]
