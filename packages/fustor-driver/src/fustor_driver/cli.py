"""The command `fustor-driver`: which subcommands there are, and the one that was asked for.

Only the module of the subcommand that is asked for is imported, so that `--version` and `--help` stay quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NoReturn

import typer

from fustor_driver.commands.contributed import add_to, contributed, summary_of
from fustor_driver.completion import asked_in
from fustor_driver.errors import EnvironmentProblem

__all__ = ["COMMANDS", "GROUPS", "build_app", "main"]

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "list": "List the installed drivers, and the hosts that find each of them.",
        "doctor": "Examine what is installed, and name what contradicts.",
        "about": "Show what a driver is and how it is configured.",
        "init": "Write a configuration file, and test it before.",
        "check": "Check a configuration, and that the other side answers.",
        "discover": "Show the fields that a source offers, or that a pusher needs.",
        "read": "Print the events of one phase of a source as JSON Lines.",
        "push": "Push events from a file in one session.",
        "record": "Record what a source emits into a file.",
        "replay": "Push a recording as it was, or print what is in it.",
        "bench": "Measure rows per second, latency and memory of a driver.",
        "run": "Run one source to one pusher: snapshot, realtime, audits, until SIGINT or SIGTERM.",
    }
)
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "singer": "Be a tap or a target of Singer, such as Meltano runs them.",
        "airbyte": "Be a source connector of Airbyte.",
    }
)
"""Subcommands that have subcommands."""
_BESIDE_ANY = ("doctor",)
"""What runs beside any core, and beside none."""
_CONTRACT = 1  # the major version of the packages that drivers and hosts share
_PROMISED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "conform": ("Judge a driver by the conformance kit.", "fustor-conformance"),
        "explain": ("Say what a check of the conformance kit demands, and why.", "fustor-conformance"),
    }
)


def build_app(only: str | None = None) -> typer.Typer:
    """The command line with all its subcommands, or with `only` one of them and the names of the others."""
    app = typer.Typer(
        name="fustor-driver",
        help="Run, inspect and exercise Fustor drivers.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, summary in COMMANDS.items():
        wanted = only is None or only == name
        app.command(name, short_help=summary)(_command(name) if wanted else _listed_only)
    for name, summary in GROUPS.items():
        if only in (None, name):
            app.add_typer(import_module(f"fustor_driver.commands.{name}").app, name=name, help=summary)
        else:
            app.command(name, short_help=summary)(_listed_only)
    _add_plugins(app, only)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with a code of the project's table."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = next((word for word in (*given, *asked_in()) if not word.startswith("-")), "")
    if asked:
        _check_place()
    if asked not in ("", *_BESIDE_ANY):
        _check_contract()
    build_app(asked)(given, prog_name="fustor-driver")


def _check_place() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        _fail("The current directory is gone; change to one that exists")


def _fail(text: str) -> NoReturn:
    """End the command where there is none that could be asked how to say it."""
    typer.echo(f"Error: {text}", err=True)
    sys.exit(EnvironmentProblem.exit_code)


def _check_contract() -> None:
    """The released agents bring packages of these names that are other ones; beside them nothing here even loads."""
    for name in ("fustor-core", "fustor-event-model"):
        installed = _version_of(name)
        if not installed.partition(".")[0].isdecimal() or int(installed.partition(".")[0]) < _CONTRACT:
            what = f"{name} {installed} is installed here" if installed else f"{name} is not installed here"
            _fail(
                f"{what}, and fustor-driver needs {name}>={_CONTRACT}; "
                "give it an environment of its own, apart from an agent's: uv tool install fustor-driver"
            )
    if agent := _version_of("fustor-agent"):
        typer.echo(
            f"Warning: fustor-agent {agent} does not start beside the fustor-core that is installed here; "
            "`fustor-driver doctor` has the command that mends it",
            err=True,
        )


def _version_of(name: str) -> str:
    """The version that is installed, empty where none is."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=lambda on: _version(on=on), is_eager=True
        ),
    ] = False,
) -> None:
    """Run, inspect and exercise Fustor drivers."""


def _version(*, on: bool) -> None:
    if on:
        typer.echo(f"fustor-driver {version('fustor-driver')}")
        raise typer.Exit


def _command(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(import_module(f"fustor_driver.commands.{name}"), f"{name}_command")
    return function


def _listed_only() -> None:
    raise RuntimeError("a subcommand that is only listed was called")


def _add_plugins(app: typer.Typer, only: str | None) -> None:
    plugins = contributed()
    for name in sorted({*plugins, *_PROMISED} - {*COMMANDS, *GROUPS}):
        summary, package = _PROMISED[name] if name in _PROMISED else (summary_of(plugins[name]), "")
        if only not in (None, name):
            app.command(name, short_help=summary)(_listed_only)
        elif name in plugins:
            add_to(app, name, plugins[name])
        else:
            context = {"allow_extra_args": True, "ignore_unknown_options": True}
            app.command(name, help=summary, context_settings=context)(_says_what_to_install(name, package))


def _says_what_to_install(name: str, package: str) -> Callable[[], None]:
    def command() -> None:
        _fail(f"{name!r} comes with the package {package!r}; install it: uv pip install {package}")

    return command
