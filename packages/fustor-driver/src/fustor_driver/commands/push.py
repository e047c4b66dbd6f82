"""`fustor-driver push`."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.commands._drivers import PusherOptions, pusher_from
from fustor_driver.commands._options import AllowDeletionsOption, JsonOption, NameArgument, TaskOption, file, subcommand
from fustor_driver.commands._outcome import check_refusals
from fustor_driver.event_files import Batch, read_events
from fustor_driver.feed import feed, grouped
from fustor_driver.reporting import print_json, say
from fustor_driver.supervision import run_bounded
from fustor_event_model import MessageSource


@subcommand
def push_command(
    name: NameArgument,
    events: Annotated[Path, file("Push the events of this file: JSON Lines, a recording or dead letters.", "--from")],
    entry: PusherOptions,
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
) -> None:
    """Push events from a file in one session.

    What the pusher refuses stops the command.
    """
    pusher = pusher_from(name, entry)
    end = [Batch(session_id="", phase=MessageSource.SNAPSHOT, is_snapshot_end=True, events=())] if snapshot_end else []
    batches = chain(grouped(read_events(events), max_events), end)
    fed = run_bounded(lambda: feed(pusher, batches, task, allow_deletions=allow_deletions))
    if json:
        print_json({"batches": fed.batches, "events": fed.events, "rows": fed.rows})
    else:
        say(f"Pushed {fed.rows} rows of {fed.events} events in {fed.batches} batches")
    if fed.snapshot_needed:
        say("The pusher asks for a complete snapshot")
    check_refusals(fed.refused_rows, fed.refused_deletions)
