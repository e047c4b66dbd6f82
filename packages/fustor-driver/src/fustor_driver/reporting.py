"""How subcommands end and speak: results on stdout, words for humans on stderr, one line for a known error."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from pydantic import BaseModel

from fustor_driver.errors import Unwritten
from fustor_driver.faults import known_as
from fustor_driver.leaving import discard
from fustor_driver.logs import LogFormat, set_up_log
from fustor_driver.redaction import clean, clean_data

__all__ = [
    "SHOWN",
    "known_errors",
    "print_json",
    "say",
    "set_verbosity",
    "show_lines",
    "show_table",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_INTERRUPTED_CODE = 130
_USAGE_ERROR: type[Exception] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
_TYPERS_OWN = (typer.Exit, typer.Abort, _USAGE_ERROR)  # also where a command that a driver contributes raises them
_log = logging.getLogger("fustor_driver")


@dataclass
class _Shown:
    """What the command line asked to be shown; of the process, as its log is."""

    traceback: bool = False
    log_format: LogFormat = LogFormat.TEXT
    verbose: int = 0
    quiet: int = 0


SHOWN = _Shown()
_VERBOSITY = {
    "verbose": (
        0,
        Annotated[int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Log more; repeatable.")],
    ),
    "quiet": (
        0,
        Annotated[
            int, typer.Option("--quiet", "-q", count=True, show_default=False, help="Log and print less; repeatable.")
        ],
    ),
}
_OPTIONS_OF_ALL = {
    "traceback": (
        False,
        Annotated[bool, typer.Option("--traceback", help="Show the traceback of an error above its one line.")],
    ),
    "log_format": (
        LogFormat.TEXT,
        Annotated[LogFormat, typer.Option("--log-format", help="Log as text, or as one JSON object a line.")],
    ),
}


def known_errors(command: Callable[_P, _R], verbosity: int | None = None) -> Callable[_P, _R]:
    """The command, with known errors as one line on stderr and the documented exit code.

    So are the faults of drivers; a bug of ours keeps its traceback. The command also gets the options of all, but for
    those that it has already, which are its own. With `verbosity` it gets -v and -q as well, and logs so much without.
    """
    signature = inspect.signature(command, eval_str=True)
    options = _OPTIONS_OF_ALL if verbosity is None else _VERBOSITY | _OPTIONS_OF_ALL
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (default, annotation) in options.items()
        if name not in signature.parameters
    ]

    @functools.wraps(command)
    def reported(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        vars(SHOWN).update(vars(_Shown()) | {one.name: kwargs.pop(one.name, one.default) for one in added})
        if verbosity is not None:
            set_verbosity(SHOWN.verbose + verbosity, SHOWN.quiet)
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt as err:
            raise typer.Exit(_INTERRUPTED_CODE) from err
        except BrokenPipeError as err:  # whoever read our output has seen enough, as in `read | head`
            discard(sys.stdout)
            raise typer.Exit(0) from err
        except _TYPERS_OWN:
            raise
        except Exception as err:
            known = known_as(err)
            if known is None:
                raise  # a bug of ours
            _say_what_ended(err, str(known), "" if isinstance(known, Unwritten) else "Error: ")
            raise typer.Exit(known.exit_code) from err

    parameters = [*signature.parameters.values(), *added]
    reported.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # what typer reads
    return reported


def _say_what_ended(err: Exception, message: str, prefix: str) -> None:
    """The message of an error, with its traceback where that was asked for."""
    if SHOWN.log_format is LogFormat.JSON:
        _log.error("%s", message, exc_info=err if SHOWN.traceback else None)
        return
    if SHOWN.traceback:
        typer.echo(clean("".join(traceback.format_exception(err))), err=True)
    for line in message.splitlines() or [""]:
        typer.echo(f"{prefix}{clean(line)}", err=True)


def say(text: str, *, quiet: int | None = None) -> None:
    """Print a line for humans on stderr, made safe, unless they asked for less. A JSON log gets it as a record."""
    if SHOWN.quiet if quiet is None else quiet:
        return
    if SHOWN.log_format is LogFormat.JSON:
        _log.info("%s", text)
    else:
        typer.echo(clean(text), err=True)


def set_verbosity(verbose: int, quiet: int) -> None:
    """Log lines on stderr: warnings, with -v what happens, with -vv everything; with -q errors only."""
    set_up_log(1 + verbose - quiet, SHOWN.log_format)


def print_json(value: BaseModel | Sequence[Any] | dict[str, Any]) -> None:
    """Print one JSON document on stdout."""
    if isinstance(value, BaseModel):
        typer.echo(value.model_dump_json(indent=2))
    else:
        typer.echo(json.dumps(clean_data(value), indent=2, ensure_ascii=False, default=str))


def show_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout."""
    for line in lines:
        typer.echo(clean(line))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout, as wide as the terminal is: what is too long is folded, so that nothing is left out."""
    from rich import box  # noqa: PLC0415 - tables are rarely shown and rich takes a while to import
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.table import Column, Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    console = Console() if sys.stdout.isatty() else Console(width=200)
    table = Table(*(Column(name, overflow="fold") for name in columns), box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))  # texts, since a string would be read as markup
    console.print(table, markup=False)
