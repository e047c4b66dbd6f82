"""The command line: which commands there are, and the one that was asked for.

Known errors are one line on stderr and a documented exit code.
"""

import difflib
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fustor_new import __version__
from fustor_new._output import can_ask, fail, warn
from fustor_new._signals import Terminated, heed
from fustor_new.errors import EnvironmentProblem, FustorNewError, UsageProblem
from fustor_new.kinds import Kind
from fustor_new.options import (
    AdoptOptions,
    DoctorOptions,
    ListOptions,
    PathOptions,
    PusherOptions,
    RemoveOptions,
    SourceOptions,
    UpdateOptions,
    parsed,
    taking,
)

__all__ = ["COMMANDS", "app", "run"]

_INTERRUPTED = 130
_MISSPELLED = 0.7  # so like a command a word is that means it: `regster`, and not `redis`

_MEANT = {
    **dict.fromkeys(
        ("create", "new", "add", "init", "generate"), "'fustor-new source NAME' or 'fustor-new pusher NAME'"
    ),
    **dict.fromkeys(("rm", "delete", "uninstall"), "'fustor-new remove NAME'"),
    **dict.fromkeys(("ls", "show"), "'fustor-new list'"),
    **dict.fromkeys(("upgrade",), "'fustor-new update'"),
    **dict.fromkeys(("check", "lint", "fix"), "'fustor-new doctor'"),
    "help": "'fustor-new --help'",
    "version": "'fustor-new --version'",
}
"""What other tools call the commands, and what to write here."""


COMMANDS: Mapping[str, tuple[type[Any], str, str]] = MappingProxyType(
    {
        "source": (
            SourceOptions,
            "Create and register source drivers.",
            "They read a system and emit its state and its changes.",
        ),
        "pusher": (
            PusherOptions,
            "Create and register pusher drivers.",
            "They write events to a destination.",
        ),
        "update": (
            UpdateOptions,
            "Bring drivers to today's template.",
            "What you changed is kept, what cannot be merged is marked.",
        ),
        "doctor": (
            DoctorOptions,
            "Examine a workspace and its drivers.",
            "No driver is imported; each finding says how to fix it.",
        ),
        "adopt": (
            AdoptOptions,
            "Adopt a driver that was written by hand.",
            "Its names are recorded, and what the template owns is proposed as a patch.",
        ),
        "list": (
            ListOptions,
            "List the drivers of the workspace.",
            "Each with its version, registration, template, modified files and conformance.",
        ),
        "remove": (
            RemoveOptions,
            "Remove drivers as if they had never been.",
            "Where an author's work is in them, it shows the difference and refuses.",
        ),
        "register": (
            PathOptions,
            "Add existing driver packages to the workspace.",
            "Only its root pyproject.toml changes.",
        ),
        "unregister": (
            PathOptions,
            "Take driver packages out of the workspace.",
            "Only its root pyproject.toml changes; their files stay.",
        ),
    }
)
"""What can be said to each command, what it does, and what else there is to know of it."""


def _is_name(word: str, commands: Collection[str]) -> bool:
    """Tell whether a word that is not a command may be the name of a driver, and is not a command misspelled."""
    is_name = re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", word) is not None
    return word not in commands and is_name and not difflib.get_close_matches(word, commands, cutoff=_MISSPELLED)


class _Commands(TyperGroup):
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Answer the word of another tool with ours."""
        if args and args[0] in _MEANT and args[0] not in self.commands:
            ctx.fail(f"No such command {args[0]!r}; use {_MEANT[args[0]]}")
        if args and _is_name(args[0], self.commands):
            named = " or ".join(f"'fustor-new {kind} {args[0]}'" for kind in Kind)
            ctx.fail(f"No such command {args[0]!r}; to create a driver of that name, use {named}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="fustor-new",
    cls=_Commands,
    help="Create, register and test Fustor drivers. Without a command it asks what to create.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: Iterable[str]) -> int:
    """Run the command line and return its exit code; a bug leaves as the exception that it is."""
    heed()
    _trust_only_absolute_paths()
    try:
        _command_line()(list(arguments), prog_name="fustor-new")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Terminated as end:  # outside of any command: while the arguments are read, or after the answer
        warn("Terminated")
        return end.exit_code
    return 0


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"fustor-new {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        if not can_ask():
            warn(
                "Without a command fustor-new would ask what to create, but there is no terminal to ask on; its usage:"
            )
            typer.echo(context.get_help(), err=True)
            raise typer.Exit(UsageProblem.exit_code)
        _answer(lambda: import_module("fustor_new.commands.conversation").converse())


def _command(name: str, options: type[Any]) -> Callable[..., None]:
    """Return the command whose module is imported only when it runs."""

    def command(**values: Any) -> None:
        def action() -> None:
            said = parsed(options, values)  # a bad name is refused before anything heavy is imported
            import_module(f"fustor_new.commands.{name}").run(said)

        _answer(action)

    return taking(options, command)


def _answer(action: Callable[[], None]) -> None:
    """End the process with the exit code of `action`; a known error is one line on stderr."""
    code = 0
    try:
        _check_place()
        action()
    except FustorNewError as error:
        fail(str(error))
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        warn("Interrupted")
        code = _INTERRUPTED
    except Terminated as end:
        warn("Terminated")
        code = end.exit_code
    raise typer.Exit(code)


@cache
def _command_line() -> Callable[..., Any]:
    """What typer makes of `app`, which takes longer than many a command: made once in a process."""
    return typer.main.get_command(app)


def _trust_only_absolute_paths() -> None:
    """Let no program be looked for in the current directory, which may be anybody's checkout."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(place for place in places if place.startswith("/"))


def _check_place() -> None:
    try:
        Path.cwd()
    except FileNotFoundError as err:
        raise EnvironmentProblem("The current directory is gone; change to one that exists") from err


for _name, (_options, _summary, _more) in COMMANDS.items():
    app.command(_name, short_help=_summary, help=f"{_summary} {_more}")(_command(_name, _options))
