"""`fustor-driver push`."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.choices import Choice
from fustor_driver.commands._drivers import pusher_from
from fustor_driver.commands._options import (
    AllowDeletionsOption,
    ConfigOption,
    EndpointOption,
    IdOption,
    JsonOption,
    NameArgument,
    QuietOption,
    SetOption,
    TaskOption,
    VerboseOption,
)
from fustor_driver.commands._outcome import check_refusals
from fustor_driver.completion import shell_files
from fustor_driver.event_files import Batch, read_events
from fustor_driver.feed import feed, grouped
from fustor_driver.reporting import known_errors, print_json, say, set_verbosity
from fustor_driver.supervision import run_bounded
from fustor_event_model import MessageSource


@known_errors
def push_command(  # noqa: PLR0917 - options, never positions
    name: NameArgument,
    file: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Push the events of this file: JSON Lines, a recording or dead letters.",
            autocompletion=shell_files,
        ),
    ],
    config: ConfigOption = None,
    id: IdOption = None,
    endpoint: EndpointOption = None,
    settings: SetOption = None,
    task: TaskOption = "fustor-push",
    max_events: Annotated[int, typer.Option(min=1, metavar="N", help="Push so many events at once.")] = 1000,
    *,
    snapshot_end: Annotated[
        bool,
        typer.Option(
            "--snapshot-end", help="Say at the end that this was a complete snapshot, which replaces what was there."
        ),
    ] = False,
    allow_deletions: AllowDeletionsOption = False,
    json: JsonOption = False,
    verbose: VerboseOption = 0,
    quiet: QuietOption = 0,
) -> None:
    """Push events from a file in one session.

    What the pusher refuses stops the command.
    """
    set_verbosity(verbose, quiet)
    pusher = pusher_from(Choice(name, config, id, endpoint, tuple(settings or ())))
    end = [Batch(session_id="", phase=MessageSource.SNAPSHOT, is_snapshot_end=True, events=())] if snapshot_end else []
    batches = chain(grouped(read_events(file), max_events), end)
    fed = run_bounded(lambda: feed(pusher, batches, task, allow_deletions=allow_deletions))
    if json:
        print_json({"batches": fed.batches, "events": fed.events, "rows": fed.rows})
    else:
        say(f"Pushed {fed.rows} rows of {fed.events} events in {fed.batches} batches", quiet=quiet)
    if fed.snapshot_needed:
        say("The pusher asks for a complete snapshot", quiet=quiet)
    check_refusals(fed.refused_rows, fed.refused_deletions)
