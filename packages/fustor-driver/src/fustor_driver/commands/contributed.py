"""Subcommands of other packages: entry-point group `fustor_driver.commands`.

The name is the subcommand's, or `DRIVER.NAME` for `fustor-driver DRIVER NAME`; the value is a function with parameters
as for typer. One that does not load says so when it is called, and nothing else changes. A parameter that is a
`SourceConfig` or a `PusherConfig` is the entry of the driver DRIVER, and gives the subcommand the options of `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_type_hints

import typer

from fustor_driver.errors import EnvironmentProblem

__all__ = ["COMMAND_GROUP", "add_to", "contributed", "summary_of"]

COMMAND_GROUP = "fustor_driver.commands"
_ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}


def contributed() -> Mapping[str, Mapping[str, EntryPoint]]:
    """The entry points by the first word of the subcommand, and by its second word, which is often empty."""
    found: dict[str, dict[str, EntryPoint]] = {}
    for entry in entry_points(group=COMMAND_GROUP):
        first, _, second = entry.name.partition(".")
        found.setdefault(first, {})[second] = entry
    return found


def summary_of(entries: Mapping[str, EntryPoint]) -> str:
    """What the list of subcommands says of one, without importing it."""
    package = next((entry.dist.name for entry in entries.values() if entry.dist), "another package")
    words = sorted(name for name in entries if name)
    return f"Commands of {package}: {', '.join(words)}." if words else f"A command of {package}."


def add_to(app: typer.Typer, name: str, entries: Mapping[str, EntryPoint]) -> None:
    """Add the subcommand with this first word, and import what it consists of."""
    if "" in entries:
        _add(app, name, entries[""], "")
        return
    group = typer.Typer(name=name, help=summary_of(entries), no_args_is_help=True, rich_markup_mode=None)
    group.callback()(lambda: None)  # else typer takes a single command for the group itself
    for second, entry in sorted(entries.items()):
        _add(group, second, entry, name)
    app.add_typer(group, name=name)


def _add(app: typer.Typer, name: str, entry: EntryPoint, driver: str) -> None:
    try:
        function: Callable[..., Any] = entry.load()
        app.command(name)(_reported(_with_entry(function, driver)))
    except Exception as err:  # noqa: BLE001 - a foreign module's, and what it is stands in the message
        app.command(name, help=f"It does not load: {err}", context_settings=_ANY_ARGUMENTS)(_does_not_load(entry, err))


def _does_not_load(entry: EntryPoint, err: Exception) -> Callable[[], None]:
    package = entry.dist.name if entry.dist else "?"
    words = entry.name.replace(".", " ")

    def command() -> None:
        raise EnvironmentProblem(f"The command {words!r} of {package!r} does not load: {type(err).__name__}: {err}")

    return _reported(command)


def _reported(function: Callable[..., Any]) -> Callable[..., Any]:
    from fustor_driver.reporting import known_errors  # noqa: PLC0415 - --version and --help stay quick

    return known_errors(function)


def _with_entry(function: Callable[..., Any], driver: str) -> Callable[..., Any]:
    """The function with the options that lead to an entry, in place of a parameter that is one."""
    from fustor_core.models.config import PusherConfig, SourceConfig  # noqa: PLC0415 - --version and --help stay quick
    from fustor_driver.commands._drivers import PusherOptions, SourceOptions  # noqa: PLC0415 - as above
    from fustor_driver.commands._options import spreading  # noqa: PLC0415 - as above
    from fustor_driver.kinds import Kind  # noqa: PLC0415 - as above

    groups: dict[Any, Any] = {SourceConfig: SourceOptions, PusherConfig: PusherOptions}
    kinds = {SourceOptions: Kind.SOURCE, PusherOptions: Kind.PUSHER}
    hints = get_type_hints(function)
    wanted = {name: groups[hint] for name, hint in hints.items() if hint in groups and name != "return"}
    return spreading(function, wanted, lambda given: given.configured(kinds[type(given)], driver)[1])
