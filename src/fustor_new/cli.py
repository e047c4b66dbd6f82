"""The command line: parse, call, print. Known errors are one line on stderr and a documented exit code."""

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fustor_new import __version__
from fustor_new._output import warn
from fustor_new.commands.options import AdoptOptions, PusherOptions, SourceOptions, with_options
from fustor_new.errors import EnvironmentProblem, FustorNewError

__all__ = ["app", "run"]

_INTERRUPTED, _TERMINATED = 130, 143

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


class _Commands(TyperGroup):
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Answer the word of another tool with ours."""
        if args and args[0] in _MEANT and args[0] not in self.commands:
            ctx.fail(f"No such command {args[0]!r}; use {_MEANT[args[0]]}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="fustor-new",
    cls=_Commands,
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
    _trust_only_absolute_paths()
    try:
        app(list(arguments), prog_name="fustor-new")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Terminated:  # outside of any command: while the arguments are read, or after the answer
        warn("terminated")
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


@app.command("update")
def _update(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="NAME|PATH", help="Drivers, by name or directory; none: this one.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every driver of the workspace with an answers file.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print a patch for `git apply`; write nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Bring drivers to today's template: what you changed is kept, what cannot be merged is marked."""

    def action() -> None:
        from fustor_new.commands.naming import driver_paths  # noqa: PLC0415 - help needs none of it
        from fustor_new.commands.update import update  # noqa: PLC0415

        update(driver_paths(paths or ()), every=every, dry_run=dry_run, json=json)

    _answer(action)


@app.command("doctor")
def _doctor(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="NAME|PATH", help="A workspace's root, or drivers by name or directory; none: what is around."
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe to mend, all or nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Examine a workspace and its drivers, without importing them, and say how to mend what is found."""

    def action() -> None:
        from fustor_new.commands.naming import driver_paths  # noqa: PLC0415 - help needs none of it
        from fustor_new.doctor.command import doctor  # noqa: PLC0415

        doctor(driver_paths(paths or ()), mend=fix, strict=strict, as_json=json)

    _answer(action)


@app.command("adopt")
@with_options(AdoptOptions)
def _adopt(options: AdoptOptions) -> None:
    """Adopt a driver that was written by hand: record its names, and propose what the template owns as a patch."""

    def action() -> None:
        from fustor_new.commands.adopting import adopt  # noqa: PLC0415 - help needs none of it

        adopt(options)

    _answer(action)


_PATHS = typer.Argument(metavar="NAME|PATH", help="As `list` shows it, or its directory.")
_DRY_RUN = typer.Option("--dry-run", help="Print a patch for `git apply`; write nothing.")
_JSON = typer.Option("--json", help="Print the answer as JSON.")


@app.command("list")
def _list(
    workspace: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Root of the workspace, when it is not above this directory.")
    ] = None,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """List the drivers of the workspace: version, registration, template, modified files, conformance."""
    from fustor_new.commands.listing import list_drivers  # noqa: PLC0415 - this command alone needs it, as below

    _answer(lambda: list_drivers(workspace, json=json))


@app.command("remove")
def _remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME|PATH", help="As `list` shows it, or its directory.")],
    dry_run: Annotated[bool, _DRY_RUN] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also what was edited or added by hand; it says what.")
    ] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Remove drivers as if never created; where an author's work is in them, show the difference and refuse."""
    from fustor_new.commands.removal import remove_drivers  # noqa: PLC0415

    _answer(lambda: remove_drivers(names, force=force, dry_run=dry_run, json=json))


@app.command("register")
def _register(
    paths: Annotated[list[Path], _PATHS],
    dry_run: Annotated[bool, _DRY_RUN] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """List driver packages that exist in the workspace's root pyproject.toml; change nothing else."""
    from fustor_new.commands.naming import driver_paths  # noqa: PLC0415
    from fustor_new.commands.registering import register_drivers  # noqa: PLC0415

    _answer(lambda: register_drivers(driver_paths(paths), dry_run=dry_run, json=json))


@app.command("unregister")
def _unregister(
    paths: Annotated[list[Path], _PATHS],
    dry_run: Annotated[bool, _DRY_RUN] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Take driver packages out of the workspace's root pyproject.toml; their files stay."""
    from fustor_new.commands.naming import driver_paths  # noqa: PLC0415
    from fustor_new.commands.registering import unregister_drivers  # noqa: PLC0415

    _answer(lambda: unregister_drivers(driver_paths(paths), dry_run=dry_run, json=json))


def _create(kind: str, options: PusherOptions) -> None:
    from fustor_new.names import derive, plain_name  # noqa: PLC0415 - a name is refused before anything heavy

    for name in options.names or ():
        derive(kind, plain_name(kind, name))
    from fustor_new.commands.creation import create  # noqa: PLC0415

    create(kind, options)


def _answer(action: Callable[[], None]) -> None:
    """End the process with the exit code of `action`; a known error is one line on stderr."""
    code = 0
    try:
        _check_place()
        action()
    except FustorNewError as error:
        warn(str(error))
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        warn("interrupted")
        code = _INTERRUPTED
    except Terminated:
        warn("terminated")
        code = _TERMINATED
    raise typer.Exit(code)


def _trust_only_absolute_paths() -> None:
    """Let no program be looked for in the current directory, which may be anybody's checkout."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(place for place in places if place.startswith("/"))


def _check_place() -> None:
    try:
        Path.cwd()
    except FileNotFoundError as err:
        raise EnvironmentProblem("The current directory is gone; change to one that exists") from err


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated
