"""Options that only `run` has; one without a name of its own has the name of its parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.commands._options import finite, seconds
from fustor_driver.completion import demo_names, pusher_names, shell_files, source_names

SourceOption = Annotated[str | None, typer.Option(metavar="ID", help="Run this source of the file.")]
PusherOption = Annotated[str | None, typer.Option(metavar="ID", help="Run this pusher of the file.")]
SyncOption = Annotated[
    list[str] | None,
    typer.Option(metavar="ID", help="Run this sync of the file, a source with a pusher. Repeatable."),
]
SourceDriverOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Run this source driver, instead of a file.", autocompletion=source_names),
]
PusherDriverOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Run this pusher driver, instead of a file or for a demo.", autocompletion=pusher_names
    ),
]
DemoOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Run this source on a system that its package brings along.", autocompletion=demo_names
    ),
]
AgentOption = Annotated[
    str | None,
    typer.Option(
        metavar="RELEASE",
        help="Run both under this released agent, 0.2.16 or 0.8.17, in an environment that is built for it.",
    ),
]
AuditIntervalOption = Annotated[float | None, seconds("Audit so often; 0 for never. [600]")]
DurationOption = Annotated[
    float | None, seconds("Stop after so many seconds, when all that was read is pushed.", "--for")
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIRECTORY",
        help="Keep refused events and the note of an unfinished snapshot here. [.fustor]",
        autocompletion=shell_files,
    ),
]
StopTimeoutOption = Annotated[float, seconds("End at the latest so long after SIGTERM or the end of --for.", least=0.1)]
ReadAheadOption = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=1e6,
        callback=finite,
        metavar="MIB",
        help="Read so much of a phase ahead of the pusher, in MiB.",
    ),
]
StatusOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Keep the status in this file, as JSON.", autocompletion=shell_files),
]
StatusIntervalOption = Annotated[float, seconds("Look at the status so often.", least=0.05)]
MetricsOption = Annotated[
    str | None,
    typer.Option(metavar="ADDR", help="Serve /metrics for Prometheus, and /healthz, at PORT or HOST:PORT."),
]
AllOption = Annotated[bool, typer.Option("--all", help="Run every enabled sync of the file, each on its own.")]
KeepOption = Annotated[bool, typer.Option("--keep", help="Keep what a demo writes, in 'fustor-demo-NAME'.")]
OnceOption = Annotated[
    bool, typer.Option("--once", help="End when a snapshot, or what came since the last run, is pushed.")
]
FullRefreshOption = Annotated[
    bool, typer.Option("--full-refresh", help="Forget the position of the task and begin with a snapshot.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether --full-refresh is meant.")]
StrictOption = Annotated[
    bool,
    typer.Option("--strict", help="Watch both drivers for breaches of the contract; any ends with exit code 8."),
]
