"""Options that every subcommand has, whatever else it takes: how it shows errors and logs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from fustor_driver.logs import LogFormat

__all__ = ["SHOWN", "with_options_of_all"]


@dataclass
class _Shown:
    """What the command line asked for; of the process, as its log is."""

    traceback: bool = False
    log_format: LogFormat = LogFormat.TEXT


SHOWN = _Shown()
_OPTIONS = {
    "traceback": (
        False,
        Annotated[bool, typer.Option("--traceback", help="Show the traceback of an error above its one line.")],
    ),
    "log_format": (
        LogFormat.TEXT,
        Annotated[LogFormat, typer.Option("--log-format", help="Log as text, or as one JSON object a line.")],
    ),
}


def with_options_of_all(command: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[[dict[str, Any]], None]:
    """Let `wrapper` of a subcommand take these options too, as typer sees it; one that it has already is its own.

    Returns what takes them out of the keywords that the wrapper is called with, and remembers them.
    """
    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (default, annotation) in _OPTIONS.items()
        if name not in signature.parameters
    ]
    parameters = [*signature.parameters.values(), *added]
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # what typer reads
    names = {parameter.name for parameter in added}

    def take(keywords: dict[str, Any]) -> None:
        for name, (default, _) in _OPTIONS.items():
            setattr(SHOWN, name, keywords.pop(name, default) if name in names else default)

    return take
