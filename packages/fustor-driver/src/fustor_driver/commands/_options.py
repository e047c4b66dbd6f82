"""Options that several subcommands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.completion import driver_names, shell_files
from fustor_driver.kinds import Kind


def finite(value: float | None) -> float | None:
    """A number of seconds that is one: comparisons with `nan` are always false, and `inf` never ends."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("must be a finite number")
    return value


KindArgument = Annotated[Kind, typer.Argument(help="What the driver is.")]
NameArgument = Annotated[
    str, typer.Argument(help="Entry-point name of the driver, such as 'postgres'.", autocompletion=driver_names)
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Configuration file; 'fustor.yaml' here, if it is there and nothing is given.",
        autocompletion=shell_files,
    ),
]
IdOption = Annotated[str | None, typer.Option("--id", help="Entry of the configuration file.")]
UriOption = Annotated[str | None, typer.Option("--uri", help="Address that a source reads.")]
EndpointOption = Annotated[str | None, typer.Option("--endpoint", help="Address that a pusher writes.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A configuration value, e.g. driver_params.slot=a or credential.passwd='${PGPASSWORD}'. Repeatable.",
    ),
]
AllowDeletionsOption = Annotated[
    bool,
    typer.Option(
        "--allow-deletions",
        help="Allow the pusher to delete more than its guard does, in this run, when a snapshot or an audit ends.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout, for machines.")]
VerboseOption = Annotated[int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more.")]
QuietOption = Annotated[int, typer.Option("--quiet", "-q", count=True, show_default=False, help="Say less.")]
