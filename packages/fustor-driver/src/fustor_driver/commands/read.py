"""`fustor-driver read`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Annotated

import typer

from fustor_core.drivers import SourceDriver
from fustor_driver.commands._drivers import SourceOptions, source_from
from fustor_driver.commands._options import BatchSizeOption, NameArgument, seconds, subcommand
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts.calls import closing, open_phase
from fustor_driver.plainness import event_json
from fustor_driver.progress import counting
from fustor_driver.reading import bounded
from fustor_driver.reporting import say
from fustor_driver.supervision import run_bounded
from fustor_event_model import EventBase, MessageSource

_LISTEN_SEC = 10.0


@subcommand
def read_command(  # noqa: PLR0917 - options, never positions
    name: NameArgument,
    entry: SourceOptions,
    phase: Annotated[MessageSource, typer.Option(help="Read this phase.")] = MessageSource.SNAPSHOT,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Stop after so many rows; 0 for no limit.")] = 100,
    from_position: Annotated[
        int, typer.Option(metavar="INDEX", help="Resume a realtime stream here; -1 for now.")
    ] = -1,
    duration: Annotated[
        float | None, seconds("Stop after so many seconds. [realtime: 10, else at the end]", "--for")
    ] = None,
    batch_size: BatchSizeOption = 1000,
    *,
    json: Annotated[bool, typer.Option("--json", hidden=True)] = True,  # noqa: ARG001 - events are JSON anyway
) -> None:
    """Print the events of one phase of a source as JSON Lines.

    They are printed on stdout, and the progress on stderr. Nothing is acknowledged.
    """
    if phase is MessageSource.REALTIME and duration is None:
        duration = _LISTEN_SEC
    stop_event = threading.Event()

    async def read() -> None:
        async with closing(source_from(name, entry)) as source:
            _check_position(source, phase, from_position)
            rows_per_event = min(batch_size, limit) if limit else batch_size
            with bounded(
                lambda stop: open_phase(source, phase, stop, position=from_position, batch_size=rows_per_event),
                max_rows=limit or None,
                max_sec=duration,
                stop_event=stop_event,
            ) as events:
                _print(events, limit)

    run_bounded(read, stop=stop_event.set)


def _check_position(source: SourceDriver, phase: MessageSource, position: int) -> None:
    if position != -1 and phase is MessageSource.REALTIME and not source.is_position_available(position):
        raise CheckFailed(
            f"Position {position} of {source.id!r} is not available; from there something would be missing"
        )


def _print(events: Iterator[EventBase], limit: int) -> None:
    rows = count = 0
    with counting("Reading", limit or None, apart=not sys.stdout.isatty()) as came:
        for event in events:
            sys.stdout.write(event_json(event) + "\n")
            sys.stdout.flush()
            came(len(event.rows))
            rows += len(event.rows)
            count += 1
    say(f"{rows} rows in {count} events")
