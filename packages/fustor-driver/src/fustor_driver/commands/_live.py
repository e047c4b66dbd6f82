"""The running host on a terminal, in a log, and in a file for machines."""

from __future__ import annotations

import errno
import json
import logging
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.logging import RichHandler

from fustor_driver.commands._view import as_line, as_table
from fustor_driver.durable import drafted
from fustor_driver.errors import EnvironmentProblem
from fustor_driver.hosts.status import Status
from fustor_driver.logs import SafeFormatter, of_task

__all__ = [
    "as_document",
    "check_writable",
    "logging_look",
    "looks",
    "served",
    "status_file_look",
    "terminal_look",
    "write_status",
]

_log = logging.getLogger("fustor_driver.run")
_LOG_EVERY_SEC = 10.0
Look = Callable[[Sequence[Status]], None]
"""What is shown the statuses of all runs, in their order."""


@contextmanager
def terminal_look(console: Console) -> Iterator[Look]:
    """A table for each run that follows it; log lines go above them."""
    handlers = logging.root.handlers[:]
    handler = RichHandler(console=console, show_path=False)
    handler.setFormatter(SafeFormatter("%(message)s"))
    logging.root.handlers = [handler]
    try:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda seen: live.update(Group(*(as_table(status, console.width) for status in seen)), refresh=True)
    finally:
        logging.root.handlers = handlers


def logging_look(every_sec: float) -> Look:
    """A log line for each run at most once in `every_sec` seconds, and when it changes its state."""
    last: dict[str, tuple[float, str]] = {}

    def look(seen: Sequence[Status]) -> None:
        for status in seen:
            at, state = last.get(status.task_id, (float("-inf"), ""))
            if time.monotonic() - at >= every_sec or status.state != state:
                last[status.task_id] = (time.monotonic(), status.state)
                with of_task(status.task_id if len(seen) > 1 else ""):
                    _log.info("%s", as_line(status))

    return look


def check_writable(path: Path) -> None:
    """See to it, before anything starts, that the status can be written.

    Raises:
        EnvironmentProblem: it cannot.
    """
    try:
        _require_replaceable(path)
        with drafted(path, b"", lasts=False):
            pass
    except OSError as err:
        raise EnvironmentProblem(f"The status cannot be written to {str(path)!r}: {err.strerror}") from err


def as_document(seen: Sequence[Status]) -> Status | dict[str, Any]:
    """What machines get: the status of a run, or those of several under `tasks`, by their task."""
    if len(seen) == 1:
        return seen[0]
    return {"tasks": {status.task_id: status.model_dump(mode="json") for status in seen}}


def write_status(path: Path, seen: Sequence[Status]) -> None:
    """Write the status as one JSON document, always whole, into a file for its owner.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    _require_replaceable(path)
    document = as_document(seen)
    text = json.dumps(document, indent=2) if isinstance(document, dict) else document.model_dump_json(indent=2)
    with drafted(path, f"{text}\n".encode(), lasts=False) as draft:
        draft.replace(path)


def _require_replaceable(path: Path) -> None:
    """See to it that a file is replaced or nothing: never a device such as `/dev/null`, a pipe, or a link to one.

    Raises:
        OSError: something else is there.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file; name one, or a place for a new one")


def status_file_look(path: Path) -> Look:
    """The status in a file. One that cannot be written is said once and tried again: that does not end a run."""
    failing = False

    def look(seen: Sequence[Status]) -> None:
        nonlocal failing
        try:
            write_status(path, seen)
        except OSError as err:
            if not failing:
                _log.warning("The status cannot be written to %r: %s; it is tried again", str(path), err.strerror)
            failing = True
        else:
            if failing:
                _log.warning("The status is written to %r again", str(path))
            failing = False

    return look


@contextmanager
def looks(file: Path | None, latest: list[Status], *, live: bool) -> Iterator[Look]:
    """What looks at the statuses: tables or log lines, a file for machines, and `latest`, which holds the last ones."""
    with ExitStack() as stack:
        shown = stack.enter_context(terminal_look(Console(stderr=True))) if live else logging_look(_LOG_EVERY_SEC)
        written = status_file_look(file) if file else None
        if file is not None:
            check_writable(file)

        def look(seen: Sequence[Status]) -> None:
            latest[:] = seen
            shown(seen)
            if written is not None:
                written(seen)

        yield look


@contextmanager
def served(address: str | None, latest: list[Status]) -> Iterator[None]:
    """The statuses over HTTP, if an address is given."""
    if address is None:
        yield
        return
    from fustor_driver.metrics import serving  # noqa: PLC0415 - few ask for it, and it takes a while to import

    with serving(address, lambda: list(latest)) as url:
        _log.info("Metrics: %s/metrics, health: %s/healthz", url, url)
        yield
