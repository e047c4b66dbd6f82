"""The status of a run for eyes: a table that fits the terminal, bars of what is under way, and one line for a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fustor_driver.hosts.status import PhaseState, PhaseStatus, Status
from fustor_driver.redaction import clean
from fustor_event_model import MessageSource

__all__ = ["as_line", "as_table"]

_COLUMNS = ("phase", "state", "runs", "events", "rows", "rows/s", "queued", "lag s", "index")
_LEAST_WANTED_FIRST = ("runs", "index", "events", "lag s", "queued", "rows/s")
_TEXTS = 2
_PADDING = 3
_EDGES = 1
_BAR_WIDTH = 24
_LEAST_WIDTH_FOR_BAR = 70
_LONG = 60


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
    of = f" of about {state.expected_rows:,}" if _is_measured(state) else ""
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
    columns = list(_COLUMNS)
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
        line = Table.grid(padding=(0, 1))
        if _is_measured(state) and state.expected_rows and width >= _LEAST_WIDTH_FOR_BAR:
            bar = ProgressBar(total=state.expected_rows, completed=state.run_rows, width=_BAR_WIDTH)
            line.add_row(f" {phase}", bar, Text(_how_far(state)))
        else:
            line.add_row(f" {phase}", Text(_how_far(state)))
        yield line


def _how_far(state: PhaseStatus) -> str:
    if not (_is_measured(state) and state.expected_rows):
        return f"{state.run_rows:,} rows in {_time(state.run_sec)}"
    left = "" if state.left_sec is None else f", {_time(state.left_sec)} left"
    return f"{state.run_rows:,} of about {state.expected_rows:,} rows, {state.run_rows / state.expected_rows:.0%}{left}"


def _is_measured(state: PhaseStatus) -> bool:
    return state.state is PhaseState.RUNNING and bool(state.expected_rows)


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
