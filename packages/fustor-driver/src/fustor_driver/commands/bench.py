"""`fustor-driver bench`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.benching import PusherFigures, SourceFigures, bench_pusher, bench_source, synthetic
from fustor_driver.choices import Choice
from fustor_driver.commands._drivers import EntryOptions, pusher_from, source_from
from fustor_driver.commands._options import BatchSizeOption, JsonOption, KindArgument, NameArgument, seconds, subcommand
from fustor_driver.completion import shell_files
from fustor_driver.event_files import read_events
from fustor_driver.feed import grouped
from fustor_driver.kinds import Kind
from fustor_driver.progress import counting
from fustor_driver.reporting import print_json, show_table
from fustor_driver.supervision import run_bounded


@subcommand
def bench_command(  # noqa: PLR0917 - options, never positions
    kind: KindArgument,
    name: NameArgument,
    entry: EntryOptions,
    rows: Annotated[int, typer.Option(min=1, metavar="N", help="Stop after so many rows.")] = 100_000,
    duration: Annotated[float, seconds("Stop after so many seconds.", "--for", least=0.1)] = 10.0,
    batch_size: BatchSizeOption = 1000,
    file: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Push the events of this file instead of made-up ones.",
            autocompletion=shell_files,
        ),
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Measure rows per second, latency and memory of a driver.

    A snapshot of a source is read. A pusher is written to under a task of its own, without the end of a snapshot.
    """
    choice = entry.choice(name, kind)
    with counting("Reading" if kind is Kind.SOURCE else "Pushing", rows if file is None else None) as came:
        bounds = _Bounds(rows, duration, batch_size, came)
        if kind is Kind.SOURCE:
            stop = threading.Event()
            figures: SourceFigures | PusherFigures = run_bounded(lambda: _source(choice, bounds, stop), stop=stop.set)
        else:
            figures = run_bounded(lambda: _pusher(choice, file, bounds))
    if json:
        print_json(figures)
    else:
        show_table(("figure", "value"), ((name, f"{value:,}") for name, value in figures.model_dump().items()))


@dataclass(frozen=True)
class _Bounds:
    rows: int
    seconds: float
    batch_size: int
    look: Callable[[int], None]


async def _source(choice: Choice, bounds: _Bounds, stop: threading.Event) -> SourceFigures:
    source = source_from(choice)
    try:
        return bench_source(
            source,
            max_rows=bounds.rows,
            max_sec=bounds.seconds,
            batch_size=bounds.batch_size,
            stop_event=stop,
            look=bounds.look,
        )
    finally:
        await source.close()


async def _pusher(choice: Choice, file: Path | None, bounds: _Bounds) -> PusherFigures:
    pusher = pusher_from(choice)
    size = bounds.batch_size
    batches = synthetic(bounds.rows, size) if file is None else grouped(read_events(file), size)
    try:
        return await bench_pusher(pusher, batches, max_sec=bounds.seconds, look=bounds.look)
    finally:
        await pusher.close()
