"""Options that several subcommands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from fustor_driver.completion import driver_names, shell_files
from fustor_driver.kinds import Kind


def finite(value: float | None) -> float | None:
    """A number of seconds that is one: comparisons with `nan` are always false, and `inf` never ends."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("must be a finite number")
    return value


def seconds(meaning: str, *names: str, least: float = 0) -> Any:
    """An option that is a number of seconds."""
    return typer.Option(*names, min=least, callback=finite, metavar="SECONDS", help=meaning)


KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help="What the driver is: source or pusher.")]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The name of the driver, such as 'postgres'.", autocompletion=driver_names)
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Read this configuration file; without it and without an address, 'fustor.yaml' in this directory.",
        autocompletion=shell_files,
    ),
]
IdOption = Annotated[str | None, typer.Option("--id", metavar="ID", help="Use this entry of the configuration file.")]
UriOption = Annotated[str | None, typer.Option("--uri", metavar="ADDRESS", help="Read from this address (a source).")]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", metavar="ADDRESS", help="Write to this address (a pusher).")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a field of the entry, such as driver_params.slot=a or credential.passwd='${PGPASSWORD}'; repeatable.",
    ),
]
_TASK = typer.Option(metavar="TASK", help="Name the task; the pusher keeps the position to resume from under it.")
TaskOption = Annotated[str, _TASK]
TaskOfFileOption = Annotated[str | None, _TASK]
"""Without it, what the configuration file says."""
TimeoutOption = Annotated[float, seconds("Wait so long for each answer.", least=0.1)]
BatchSizeOption = Annotated[int, typer.Option(min=1, metavar="N", help="Put so many rows into one event.")]
AllowDeletionsOption = Annotated[
    bool,
    typer.Option(
        "--allow-deletions",
        help="Allow the pusher to delete more than its guard does, in this run, when a snapshot or an audit ends.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
VerboseOption = Annotated[
    int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Log more; repeatable.")
]
QuietOption = Annotated[
    int, typer.Option("--quiet", "-q", count=True, show_default=False, help="Log and print less; repeatable.")
]
