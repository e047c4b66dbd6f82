"""Entering the root: it must be there, the one that it was, and hold something."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from fustor_core.exceptions import DriverError
from fustor_source_fs._listing import kinds
from fustor_source_fs._running import Stop
from fustor_source_fs._scope import Scope
from fustor_source_fs._walk import Directory

__all__ = ["AbsentError", "Gate", "enter", "insist", "is_vacant", "open_root", "refuse_all_left_out"]

_log = logging.getLogger(__name__)


class AbsentError(DriverError):
    """The root is not there, or what is there is not the root that was meant; it may come back."""


def enter(scope: Scope) -> int:
    """A descriptor of the root, on the file system that was first found there with something in it.

    Raises:
        AbsentError: it cannot be read, or lies on another file system now.
    """
    root = scope.root
    try:
        fd = root.open()
    except OSError as error:
        raise AbsentError(
            f"The root {str(root)!r} cannot be read ({error.strerror}); check it and its mount"
        ) from error
    try:
        _judge(scope, fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _judge(scope: Scope, fd: int) -> None:
    root = scope.root
    if not root.is_mounted(fd):
        raise AbsentError(f"What was mounted under {str(root)!r} is gone; mount it again")
    if not root.is_known and (scope.allow_empty_root or not is_vacant(scope, fd)):
        root.remember_mount(fd)


def open_root(scope: Scope) -> Directory[Any]:
    """The root, open. Raises as `enter` does."""
    fd = enter(scope)
    return Directory(None, "", "/", fd, os.fstat(fd))


def is_vacant(scope: Scope, fd: int) -> bool:
    """Whether nothing in the open root is part of the source; False where that cannot be read."""
    try:
        return next(kinds(scope, fd, "/"), None) is None
    except OSError:  # whoever lists it says so
        return False


def insist(scope: Scope, start: Directory[Any]) -> None:
    """Make sure, after the last row, that what was read from `start` on is still the root.

    Raises:
        DriverError: it is not, so that nothing may be concluded from what was not found.
    """
    root = scope.root
    try:
        fd = root.open()
    except OSError as error:
        raise AbsentError(f"The root {str(root)!r} went away while it was read; check its mount") from error
    try:
        status = os.fstat(fd)
        is_same = (status.st_dev, status.st_ino) == start.identity() and root.is_mounted(fd)
    finally:
        os.close(fd)
    if not is_same:
        raise AbsentError(f"The root {str(root)!r} was replaced while it was read; read it again")


def refuse_all_left_out(scope: Scope, error: type[DriverError]) -> None:
    """End a snapshot or an audit that has found files, none of them part of the source, before its end is said.

    Raises:
        DriverError: the `error`, unless the source may be empty.
    """
    if not scope.allow_empty_root:
        raise error(
            f"`include` and `exclude` leave out every file below {str(scope.root)!r}, and nothing is deleted for that; "
            "correct the patterns, or set `allow_empty_root: true`"
        )


class Gate:
    """Where a stream waits for the root: `max_retries` attempts in all, `delay_sec` apart."""

    def __init__(self, scope: Scope, stop: Stop, max_retries: int, delay_sec: float) -> None:
        self._scope = scope
        self._stop = stop
        self._delay_sec = delay_sec
        self.attempts = max_retries

    def wait(self, holds: Callable[[], bool]) -> tuple[int, int]:
        """Device and inode of the root, once it is there; `holds` says whether it is known to hold something.

        Raises:
            DriverError: it stays away.
            StoppedError: the stream was closed meanwhile.
        """
        for attempt in range(1, self.attempts + 1):
            self._stop.check()
            try:
                found = self._identity(holds)
            except AbsentError as error:
                self._say(error, attempt)
            else:
                if attempt > 1:
                    mark = {"fustor_retry": {"attempt": 0}}
                    _log.warning("The root %r is there again", str(self._scope.root), extra=mark)
                return found
            if attempt < self.attempts:
                self.pause()
        raise self.given_up()

    def _say(self, error: AbsentError, attempt: int) -> None:
        """Warn of a failed attempt, marked so that a host can tell what it is (driver contract, section 4)."""
        follows = f", next in {self._delay_sec:g} s" if attempt < self.attempts else ""
        mark = {"attempt": attempt, "of": self.attempts, "next_sec": self._delay_sec}
        _log.warning("%s (attempt %d of %d%s)", error, attempt, self.attempts, follows, extra={"fustor_retry": mark})

    def pause(self) -> None:
        """Let the time between two attempts pass."""
        self._stop.wait(self._delay_sec)

    def given_up(self) -> DriverError:
        """What to raise when there is no attempt left."""
        plural = "" if self.attempts == 1 else "s"
        return DriverError(
            f"The root {str(self._scope.root)!r} did not come back in {self.attempts} attempt{plural}; "
            "check it, its mount and /proc"
        )

    def _identity(self, holds: Callable[[], bool]) -> tuple[int, int]:
        """Raises AbsentError where the root is away; where it was emptied at once, it is."""
        scope = self._scope
        fd = enter(scope)
        try:
            status = os.fstat(fd)
            if not scope.allow_empty_root and holds() and is_vacant(scope, fd):
                raise AbsentError(
                    f"The root {str(scope.root)!r} was replaced by an empty directory; "
                    "mount what belongs there, or set `allow_empty_root: true`"
                )
        finally:
            os.close(fd)
        return status.st_dev, status.st_ino
