"""`fustor-driver bench`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.benching import PusherFigures, SourceFigures, bench_pusher, bench_source, synthetic
from fustor_driver.commands._drivers import EntryOptions, pusher_from, source_from
from fustor_driver.commands._options import (
    BatchSizeOption,
    JsonOption,
    KindArgument,
    NameArgument,
    file,
    seconds,
    subcommand,
)
from fustor_driver.event_files import read_events
from fustor_driver.feed import grouped
from fustor_driver.hosts.calls import closing
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
    events: Annotated[Path | None, file("Push the events of this file instead of made-up ones.", "--from")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Measure rows per second, latency and memory of a driver.

    A snapshot of a source is read. A pusher is written to under a task of its own, without the end of a snapshot.
    """
    stop = threading.Event()

    async def of_source(look: Callable[[int], None]) -> SourceFigures:
        async with closing(source_from(name, entry)) as source:
            return bench_source(
                source, max_rows=rows, max_sec=duration, batch_size=batch_size, stop_event=stop, look=look
            )

    async def of_pusher(look: Callable[[int], None]) -> PusherFigures:
        batches = synthetic(rows, batch_size) if events is None else grouped(read_events(events), batch_size)
        async with closing(pusher_from(name, entry)) as pusher:
            return await bench_pusher(pusher, batches, max_sec=duration, look=look)

    with counting("Reading" if kind is Kind.SOURCE else "Pushing", rows if events is None else None) as came:
        if kind is Kind.SOURCE:
            figures: SourceFigures | PusherFigures = run_bounded(lambda: of_source(came), stop=stop.set)
        else:
            figures = run_bounded(lambda: of_pusher(came))
    if json:
        print_json(figures)
    else:
        show_table(("figure", "value"), ((name, f"{value:,}") for name, value in figures.model_dump().items()))
