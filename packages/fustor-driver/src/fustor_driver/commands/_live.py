"""The running host on a terminal, in a log, and in a file for machines."""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.logging import RichHandler

from fustor_driver.commands._view import as_line, as_table
from fustor_driver.durable import write_all
from fustor_driver.errors import EnvironmentProblem
from fustor_driver.hosts.status import Status
from fustor_driver.redaction import SafeFormatter

__all__ = ["check_writable", "logging_look", "status_file_look", "terminal_look", "write_status"]

_log = logging.getLogger("fustor_driver.run")


@contextmanager
def terminal_look(console: Console) -> Iterator[Callable[[Status], None]]:
    """A table that follows the host; log lines go above it."""
    handlers = logging.root.handlers[:]
    handler = RichHandler(console=console, show_path=False)
    handler.setFormatter(SafeFormatter("%(message)s"))
    logging.root.handlers = [handler]
    try:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda status: live.update(as_table(status, console.width), refresh=True)
    finally:
        logging.root.handlers = handlers


def logging_look(every_sec: float) -> Callable[[Status], None]:
    """A log line at most once in `every_sec` seconds, and when the host changes its state."""
    last: list[tuple[float, str]] = [(float("-inf"), "")]

    def look(status: Status) -> None:
        at, state = last[0]
        if time.monotonic() - at >= every_sec or status.state != state:
            last[0] = (time.monotonic(), status.state)
            _log.info("%s", as_line(status))

    return look


def check_writable(path: Path) -> None:
    """See to it, before anything starts, that the status can be written.

    Raises:
        EnvironmentProblem: it cannot.
    """
    try:
        _require_replaceable(path)
        draft = path.with_name(f".{path.name}.{os.getpid()}.new")
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        draft.unlink()
    except OSError as err:
        raise EnvironmentProblem(f"The status cannot be written to {str(path)!r}: {err.strerror}") from err


def write_status(path: Path, status: Status) -> None:
    """Write the status as one JSON document, always whole, into a file for its owner.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    _require_replaceable(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(handle, f"{status.model_dump_json(indent=2)}\n".encode())
        finally:
            os.close(handle)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _require_replaceable(path: Path) -> None:
    """See to it that a file is replaced or nothing: never a device such as `/dev/null`, a pipe, or a link to one.

    Raises:
        OSError: something else is there.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file; name one, or a place for a new one")


def status_file_look(path: Path) -> Callable[[Status], None]:
    """The status in a file. One that cannot be written is said once and tried again: that does not end a run."""
    failing = False

    def look(status: Status) -> None:
        nonlocal failing
        try:
            write_status(path, status)
        except OSError as err:
            if not failing:
                _log.warning("The status cannot be written to %r: %s; it is tried again", str(path), err.strerror)
            failing = True
        else:
            if failing:
                _log.warning("The status is written to %r again", str(path))
            failing = False

    return look
