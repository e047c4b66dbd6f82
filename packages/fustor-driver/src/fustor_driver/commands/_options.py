"""Options that several subcommands share, and how a function becomes a subcommand that has them."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from fustor_driver.completion import driver_names, shell_files
from fustor_driver.kinds import Kind
from fustor_driver.reporting import known_errors


def finite(value: float | None) -> float | None:
    """A number of seconds that is one: comparisons with `nan` are always false, and `inf` never ends."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("must be a finite number")
    return value


def seconds(meaning: str, *names: str, least: float = 0) -> Any:
    """An option that is a number of seconds."""
    return typer.Option(*names, min=least, callback=finite, metavar="SECONDS", help=meaning)


def file(meaning: str, *names: str, metavar: str = "FILE") -> Any:
    """An option that is a file, or a place of files."""
    return typer.Option(*names, metavar=metavar, help=meaning, autocompletion=shell_files)


def driver(meaning: str, names: Callable[[str], list[str]]) -> Any:
    """An option that is the name of a driver, of which a shell proposes those that there are."""
    return typer.Option(metavar="NAME", help=meaning, autocompletion=names)


KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help="What the driver is: source or pusher.")]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The name of the driver, such as 'postgres'.", autocompletion=driver_names)
]
ConfigOption = Annotated[
    Path | None,
    file(
        "Read this configuration file; without it and without an address, 'fustor.yaml' in this directory.",
        "--config",
        "-c",
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


def subcommand(function: Callable[..., None], *, verbosity: int = 0) -> Callable[..., None]:
    """The function as a subcommand: it takes -v and -q too, and what is spread out; known errors end it in one line.

    Args:
        function: what it does; a parameter that is a group of options, a dataclass, is spread out.
        verbosity: what is logged without -v and -q.
    """
    hints = get_type_hints(function, include_extras=True)
    spread = spreading(function, {name: hint for name, hint in hints.items() if is_dataclass(hint)})
    return known_errors(spread, verbosity)


def spreading(
    function: Callable[..., Any], groups: Mapping[str, Any], made: Callable[[Any], Any] = lambda group: group
) -> Callable[..., Any]:
    """The function with a parameter for each option of a group in place of those in `groups`, what is required first.

    Args:
        function: its parameters are annotated for typer.
        groups: for each such parameter, the dataclass of its options.
        made: what the function gets of the group that was given.
    """
    own = inspect.signature(function, eval_str=True).parameters
    names = {name: _names_of(group, own.keys() - groups.keys()) for name, group in groups.items()}
    parameters = []
    for name, one in own.items():
        if name in groups:
            inner = get_type_hints(groups[name], include_extras=True)
            options = names[name].items()
            parameters += [_parameter(free, getattr(groups[name], option), inner[option]) for option, free in options]
        else:
            parameters.append(_parameter(name, one.default, one.annotation))

    @functools.wraps(function)
    def spread(**said: Any) -> Any:
        for name, group in groups.items():
            said[name] = made(group(**{option: said.pop(free) for option, free in names[name].items()}))
        return function(**said)

    parameters.sort(key=lambda one: one.default is not inspect.Parameter.empty)
    spread.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # where typer reads it
    return spread


def _names_of(group: Any, taken: Collection[str]) -> dict[str, str]:
    """The options of a group, each with the name of a parameter that is free; each of them has a default."""
    asked = [one.name for one in fields(group) if one.name not in getattr(group, "unasked", ())]
    return {option: f"{option}_" if option in taken else option for option in asked}


def _parameter(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
