"""The command line: parse, call, print. Known errors are one line on stderr and a documented exit code."""

import signal
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Annotated

import typer

from fustor_new import __version__
from fustor_new.errors import FustorNewError
from fustor_new.options import PusherOptions, SourceOptions, with_options

__all__ = ["app", "run"]

_INTERRUPTED, _TERMINATED = 130, 143

app = typer.Typer(
    name="fustor-new",
    help="Create, register and test Fustor drivers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Terminated(BaseException):
    """SIGTERM arrived; whatever is under way cleans up behind itself."""


def run(arguments: Iterable[str]) -> int:
    """Run the command line and return its exit code; a bug leaves as the exception that it is."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(list(arguments), prog_name="fustor-new")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Terminated:  # outside of any command: while the arguments are read, or after the answer
        typer.echo("fustor-new: terminated", err=True)
        return _TERMINATED
    return 0


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    if version:
        typer.echo(f"fustor-new {__version__}")
        raise typer.Exit


@app.command("source")
@with_options(SourceOptions)
def _source(options: SourceOptions) -> None:
    """Create and register source drivers: they read a system and tell its state and its changes."""
    _answer(lambda: _create("source", options))


@app.command("pusher")
@with_options(PusherOptions)
def _pusher(options: PusherOptions) -> None:
    """Create and register pusher drivers: they write events to a destination."""
    _answer(lambda: _create("pusher", options))


def _create(kind: str, options: PusherOptions) -> None:
    from fustor_new.names import derive  # noqa: PLC0415 - a name is refused before anything heavy is imported

    for name in options.names or ():
        derive(kind, name)
    from fustor_new.creation import create  # noqa: PLC0415

    create(kind, options)


def _answer(action: Callable[[], None]) -> None:
    """End the process with the exit code of `action`; a known error is one line on stderr."""
    code = 0
    try:
        action()
    except FustorNewError as error:
        typer.echo(f"fustor-new: {' '.join(str(error).split())}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("fustor-new: interrupted", err=True)
        code = _INTERRUPTED
    except Terminated:
        typer.echo("fustor-new: terminated", err=True)
        code = _TERMINATED
    raise typer.Exit(code)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated
