"""Whose fault an exception is: a method of a driver that is not written yet, or a driver's bug, is not one of ours.

A driver reports by DriverError (driver contract, section 6). What else comes out of its code is named with the place in
that code, so that nobody looks for it here.
"""

from __future__ import annotations

import sys
import traceback
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType

from fustor_driver.errors import CheckFailed, DriverFault, FustorDriverError, Unwritten
from fustor_driver.registry import GROUPS
from fustor_driver.worlds import GROUP as WORLDS

__all__ = ["known_as"]

_LONGEST = 300


def known_as(err: Exception) -> FustorDriverError | None:
    """What a command says of an exception that ends it, and its exit code; None for a bug of ours.

    A driver's own report, a DriverError, is a check that has failed.
    """
    if isinstance(err, FustorDriverError):
        return err
    return CheckFailed(str(err)) if _is_reported(err) else _fault_of(err)


def _fault_of(err: Exception) -> FustorDriverError | None:
    """What to say of an exception that a driver, or the World of its package, let out; None where it is not theirs."""
    frames = list(traceback.walk_tb(err.__traceback__))
    theirs = [(frame, line, owner) for frame, line in frames if (owner := _owner(frame))]
    if not theirs:
        return None
    frame, line, owner = theirs[-1]
    method = frame.f_code.co_qualname.replace(".<locals>", "")
    if isinstance(err, NotImplementedError) and frame is frames[-1][0] and "." in method:
        return Unwritten(f"to do: {method}" + (f": {_words(err)}" if str(err) else ""))
    name = type(err).__name__
    return DriverFault(f"{owner} failed with {name}: {_words(err)} ({_place(frame, line)}, in {method})")


def _is_reported(err: Exception) -> bool:
    """Whether it is a DriverError. No core is imported to find out: `doctor` runs beside any, and beside none."""
    module = sys.modules.get("fustor_core.exceptions")
    return isinstance(err, getattr(module, "DriverError", ()))


def _owner(frame: FrameType) -> str | None:
    """Whose code a frame is in: what registers its module, or else its top-level package."""
    module = str(frame.f_globals.get("__name__", ""))
    return _owners().get(module) or _owners().get(module.partition(".")[0])


@cache
def _owners() -> dict[str, str]:
    """What the code of a module or top-level package belongs to, as the beginning of a sentence."""
    found: dict[str, str] = {}
    for group in GROUPS:
        for entry in entry_points(group=group.name):
            text = f"The {group.kind} {entry.name!r}"
            module = entry.value.partition(":")[0]
            for name in {module, module.partition(".")[0]}:
                found[name] = text if found.setdefault(name, text) == text else f"A driver of {name!r}"
    for entry in entry_points(group=WORLDS):
        module = entry.value.partition(":")[0]
        for name in (module, module.partition(".")[0]):
            found.setdefault(name, f"The World {entry.name!r}")
    return found


def _words(err: BaseException) -> str:
    """The exception's text in one line."""
    try:
        text = " ".join(str(err).split())
    except Exception:  # noqa: BLE001 - a driver's own class, whose text fails as well
        text = " ".join("".join(traceback.format_exception_only(err)).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _place(frame: FrameType, line: int) -> str:
    """File and line, as short as an editor still finds it."""
    path = Path(frame.f_code.co_filename)
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}"
