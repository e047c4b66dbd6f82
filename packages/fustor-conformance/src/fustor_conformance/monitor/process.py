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
from typing import Any

from fustor_conformance.monitor.finding import Finding
from fustor_conformance.monitor.zone import set_zone

__all__ = ["ProcessState", "changed_process"]

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


def _handlers() -> dict[str, Any]:
    return {number.name: signal.getsignal(number) for number in signal.Signals}


def _blanket_filters() -> tuple[str, ...]:
    """Filters that hide every warning of everybody; those that a library sets for its own are not looked at."""
    chosen = (entry for entry in warnings.filters if entry[0] == "ignore" and entry[1:4] == (None, Warning, None))
    return tuple(map(str, chosen))


def _decimals() -> str:
    return repr(decimal.DefaultContext)


_PARTS: dict[str, Callable[[], Any]] = {
    "the time zone": lambda: (os.environ.get("TZ"), time.tzname, time.timezone),
    "the working directory": _directory,
    "the umask": _umask,
    "the signal handlers": _handlers,
    "sys.path": lambda: tuple(sys.path),
    "the locale": lambda: locale.setlocale(locale.LC_ALL),
    _ENVIRONMENT: lambda: {name: value for name, value in os.environ.items() if name not in _NOT_LOOKED_AT},
    _WARNINGS: _blanket_filters,
    "the root logger's level": lambda: logging.root.level,
    "the root logger's handlers": lambda: tuple(logging.root.handlers),
    "logging.disable": lambda: logging.root.manager.disable,
    "the default context of decimal": _decimals,
    "the default timeout of sockets": socket.getdefaulttimeout,
    "sys.excepthook": lambda: sys.excepthook,
    "threading.excepthook": lambda: threading.excepthook,
    "sys.stdout and sys.stderr": lambda: (id(sys.stdout), id(sys.stderr)),
    "the garbage collector": lambda: (gc.isenabled(), gc.get_threshold()),
    "the recursion limit": sys.getrecursionlimit,
    "the switch interval": sys.getswitchinterval,
}


class ProcessState:
    """What the process shares, as it was when this was made."""

    def __init__(self) -> None:
        self._parts = {name: read() for name, read in _PARTS.items()}
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
        if _ENVIRONMENT in names:
            kept = dict(self._parts[_ENVIRONMENT])
            for name in set(os.environ) - set(kept) - _NOT_LOOKED_AT:
                del os.environ[name]
            os.environ.update(kept)
        if "the time zone" in names:
            set_zone(self._parts["the time zone"][0])
        if "the working directory" in names and self._parts["the working directory"]:
            os.chdir(self._parts["the working directory"])
        if "the umask" in names and self._parts["the umask"]:
            os.umask(int(self._parts["the umask"], 8))
        if "sys.path" in names:
            sys.path[:] = self._parts["sys.path"]
        if "the root logger's level" in names:
            logging.root.setLevel(self._parts["the root logger's level"])
        if "the root logger's handlers" in names:
            logging.root.handlers[:] = self._parts["the root logger's handlers"]
        if "the default timeout of sockets" in names:
            socket.setdefaulttimeout(self._parts["the default timeout of sockets"])


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


def changed_process(changes: Mapping[str, str]) -> list[Finding]:
    """C15: one finding for each part that is not as it was found."""
    return [Finding("C15", f"After the driver was at work {text}") for text in changes.values()]
