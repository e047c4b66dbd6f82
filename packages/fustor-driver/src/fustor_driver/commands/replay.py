"""`fustor-driver replay`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.commands._drivers import PusherOptions, pusher_from
from fustor_driver.commands._options import AllowDeletionsOption, JsonOption, TaskOption, subcommand
from fustor_driver.commands._outcome import check_refusals
from fustor_driver.completion import driver_names, shell_files
from fustor_driver.event_files import Batch, read_batches
from fustor_driver.feed import feed
from fustor_driver.progress import counting
from fustor_driver.reporting import print_json, say
from fustor_driver.supervision import run_bounded


@subcommand
def replay_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A recording, or a file or directory that a pusher wrote.", autocompletion=shell_files
        ),
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The pusher to push to; without it the events are printed.",
            autocompletion=driver_names,
        ),
    ] = None,
    *,
    entry: PusherOptions,
    task: TaskOption = "fustor-replay",
    allow_deletions: AllowDeletionsOption = False,
    json: JsonOption = False,
) -> None:
    """Push a recording as it was, or print what is in it.

    It is pushed batch by batch, with its sessions and ends.
    """
    if name is None:
        _show(file, json=json)
        return
    pusher = pusher_from(name, entry)
    with counting("Replaying") as came:

        def look(batch: Batch) -> None:
            came(sum(len(event.rows) for event in batch.events))

        fed = run_bounded(lambda: feed(pusher, read_batches(file), task, allow_deletions=allow_deletions, look=look))
    if json:
        print_json({"sessions": fed.sessions, "batches": fed.batches, "events": fed.events, "rows": fed.rows})
    else:
        say(f"Replayed {fed.rows} rows of {fed.events} events in {fed.batches} batches")
    check_refusals(fed.refused_rows, fed.refused_deletions)


def _show(file: Path, *, json: bool) -> None:
    """Events as JSON Lines, and a summary; with --json only the summary, as one document."""
    counts: Counter[str] = Counter()
    with counting("Reading", apart=json or not sys.stdout.isatty()) as came:
        for batch in read_batches(file):
            counts["batches"] += 1
            counts["complete snapshots"] += batch.is_snapshot_end
            for event in batch.events:
                counts[f"rows of {event.message_source}"] += len(event.rows)
                came(len(event.rows))
                if not json:
                    sys.stdout.write(event.model_dump_json() + "\n")
    if json:
        print_json(dict(counts))
    else:
        say(", ".join(f"{count} {what}" for what, count in counts.items()) or "Nothing in it")
