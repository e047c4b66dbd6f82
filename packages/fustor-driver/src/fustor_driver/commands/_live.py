"""The running host on a terminal, in a log, and in a file for machines.

On a terminal that is a table that fits it, and bars of what is under way; in a log one line.
"""

from __future__ import annotations

import errno
import json
import logging
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.logging import RichHandler
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fustor_driver.durable import drafted
from fustor_driver.errors import system_allows
from fustor_driver.hosts.status import PhaseState, PhaseStatus, Status
from fustor_driver.logs import SafeFormatter, of_task
from fustor_driver.redaction import clean
from fustor_event_model import MessageSource

__all__ = [
    "as_document",
    "as_line",
    "as_table",
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
_LEAST_WANTED_FIRST = ("runs", "index", "events", "lag s", "queued", "rows/s")
_TEXTS = 2
_PADDING = 3
_EDGES = 1
_BAR_WIDTH = 24
_LEAST_WIDTH_FOR_BAR = 70
_LONG = 60


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
    with system_allows(f"The status cannot be written to {str(path)!r}"):
        _require_replaceable(path)
        with drafted(path, b"", lasts=False):
            pass


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
        shown = [stack.enter_context(terminal_look(Console(stderr=True))) if live else logging_look(_LOG_EVERY_SEC)]
        if file is not None:
            check_writable(file)
            shown.append(status_file_look(file))

        def look(seen: Sequence[Status]) -> None:
            latest[:] = seen
            for show in shown:
                show(seen)

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


def as_table(status: Status, width: int) -> RenderableType:
    """The status within `width` columns: what does not fit is left out, least wanted columns first, never cut."""
    title = f"{clean(status.task_id)}  {status.state}  {_time(status.uptime_sec)}  index {status.committed_index}"
    parts: list[RenderableType] = [Text(f" {title}", style="italic"), _phases(status, width), *_bars(status, width)]
    if told := "; ".join(_statistics(status)):
        parts.append(Text(f" {told}", style="dim"))
    if status.retries or status.dead_letters or status.refused_deletions or status.last_error:
        last = f"; last: {status.last_error}" if status.last_error else ""
        parts.append(Text(f" {_troubles(status)}{last}", style="yellow"))
    return Group(*parts, Text())  # a terminal echoes ^C where the cursor is: on a line with room for it


def as_line(status: Status) -> str:
    """The status as one line: phases that do nothing yet, and what is zero, are left out."""
    phases = [
        f"{phase} {' '.join(_told(state))}"
        for phase, state in status.phases.items()
        if state.state is not PhaseState.WAITING
    ]
    return f"{status.state}: {', '.join([*phases, f'index {status.committed_index}'])}, {_troubles(status)}"


def _told(state: PhaseStatus) -> Iterator[str]:
    yield str(state.state)
    is_measured = state.state is PhaseState.RUNNING and state.expected_rows
    of = f" of about {state.expected_rows:,}" if is_measured else ""
    rows = state.run_rows if of else state.rows
    yield f"{rows:,}{of} rows"
    if state.rows_per_sec:
        yield f"{state.rows_per_sec:,.0f}/s"
    if state.queued:
        yield f"queued {state.queued:,}"
    if state.left_sec is not None:
        yield f"{_time(state.left_sec)} left"


def _phases(status: Status, width: int) -> Table:
    rows = [_cells(phase, state) for phase, state in status.phases.items()]
    columns = list(rows[0])
    for name in _LEAST_WANTED_FIRST:
        if _width(columns, rows) <= width:
            break
        columns.remove(name)
    table = Table(box=box.SIMPLE_HEAD)
    for at, name in enumerate(columns):
        table.add_column(name, justify="left" if at < _TEXTS else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(row[name]) for name in columns))
    return table


def _cells(phase: MessageSource, state: PhaseStatus) -> dict[str, str]:
    return {
        "phase": str(phase),
        "state": str(state.state),
        "runs": f"{state.runs:,}",
        "events": f"{state.events:,}",
        "rows": f"{state.rows:,}",
        "rows/s": f"{state.rows_per_sec:,.0f}",
        "queued": f"{state.queued:,}",
        "lag s": f"{state.lag_sec:,.1f}",
        "index": str(state.last_index),
    }


def _width(columns: Iterable[str], rows: list[dict[str, str]]) -> int:
    return _EDGES + sum(max(len(name), *(len(row[name]) for row in rows)) + _PADDING for name in columns)


def _bars(status: Status, width: int) -> Iterator[RenderableType]:
    """How far each phase is that reads everything: a bar where its size is known, else rows and time so far."""
    for phase, state in status.phases.items():
        if phase is MessageSource.REALTIME or state.state is not PhaseState.RUNNING:
            continue
        bar: list[RenderableType] = []
        if state.expected_rows and width >= _LEAST_WIDTH_FOR_BAR:
            bar = [ProgressBar(total=state.expected_rows, completed=state.run_rows, width=_BAR_WIDTH)]
        line = Table.grid(padding=(0, 1))
        line.add_row(f" {phase}", *bar, Text(_how_far(state)))
        yield line


def _how_far(state: PhaseStatus) -> str:
    if not state.expected_rows:
        return f"{state.run_rows:,} rows in {_time(state.run_sec)}"
    left = "" if state.left_sec is None else f", {_time(state.left_sec)} left"
    return f"{state.run_rows:,} of about {state.expected_rows:,} rows, {state.run_rows / state.expected_rows:.0%}{left}"


def _statistics(status: Status) -> Iterator[str]:
    """What drivers count, without what is zero."""
    for side, figures in status.statistics.items():
        if counted := ", ".join(f"{name} {value:,.10g}" for name, value in figures.items() if value):
            yield f"{side}: {counted}"


def _troubles(status: Status) -> str:
    refused = f", {status.refused_deletions} refused deletions" if status.refused_deletions else ""
    return f"{status.retries} retries, {status.dead_letters} dead letters{refused}"


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < _LONG:
        return f"{whole} s"
    minutes, rest = divmod(whole, _LONG)
    hours, minutes = divmod(minutes, _LONG)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
