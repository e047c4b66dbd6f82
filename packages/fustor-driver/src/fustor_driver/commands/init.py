"""`fustor-driver init`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from fustor_driver.choices import DEFAULT_FILE
from fustor_driver.commands._entries import Settings, draft_of, require_complete, settle
from fustor_driver.commands._options import EndpointOption, SetOption, TimeoutOption, UriOption, file, subcommand
from fustor_driver.completion import pusher_names, source_names
from fustor_driver.configuration import parse
from fustor_driver.durable import drafted
from fustor_driver.errors import EnvironmentProblem, UsageProblem, system_allows
from fustor_driver.kinds import Kind
from fustor_driver.plain_yaml import parse_yaml
from fustor_driver.registry import DriverRecord, Registry
from fustor_driver.reporting import say
from fustor_driver.wizard.document import document
from fustor_driver.wizard.draft import Draft

Asked: TypeAlias = Sequence[tuple[Kind, str | None, str | None]]
"""Of each kind, the driver and the address on the command line."""
_MODE = 0o644


def _driver(kind: Kind, names: Callable[[str], list[str]]) -> Any:
    text = f"The {kind} driver; it is asked for on a terminal."
    return typer.Argument(metavar=kind.upper(), help=text, autocompletion=names)


@subcommand
def init_command(  # noqa: PLR0917 - options, never positions
    source: Annotated[str | None, _driver(Kind.SOURCE, source_names)] = None,
    pusher: Annotated[str | None, _driver(Kind.PUSHER, pusher_names)] = None,
    config: Annotated[Path, file("Write this file.", "--config", "-c")] = DEFAULT_FILE,
    uri: UriOption = None,
    endpoint: EndpointOption = None,
    settings: SetOption = None,
    admin_user: Annotated[
        str | None,
        typer.Option(
            metavar="USER", help="Create the user as this administrator, whose password is in FUSTOR_ADMIN_PASSWORD."
        ),
    ] = None,
    timeout: TimeoutOption = 30.0,
    *,
    create_user: Annotated[
        bool, typer.Option("--create-user", help="Create the user that the source's credential names.")
    ] = False,
    test: Annotated[
        bool, typer.Option("--test/--no-test", help="Test the connections before the file is written.")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing, not even on a terminal.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a configuration file, and test it before.

    It asks on a terminal and takes options elsewhere. The file has every field of both drivers with its meaning;
    nothing is written unless both connections work. Secrets are written as ${NAME}, an environment variable. The fields
    of the two drivers are set by --set source.KEY=VALUE and --set pusher.KEY=VALUE.
    """
    _check_place(config, force=force)
    how = Settings(test=test, create_user=create_user, admin_user=admin_user, timeout_sec=timeout)
    asked = ((Kind.SOURCE, source, uri), (Kind.PUSHER, pusher, endpoint))
    asks = not yes and sys.stdin.isatty() and sys.stdout.isatty()
    drafts = (
        _asked_for(config, asked, tuple(settings or ()), how) if asks else _given(asked, tuple(settings or ()), how)
    )
    text = document(*drafts)
    parse(parse_yaml(text), drafts[0].completed().environ | drafts[1].completed().environ)
    _write(config, text, force=force)
    _say_what_next(config, drafts)


def _given(asked: Asked, settings: Sequence[str], how: Settings) -> list[Draft]:
    """The two entries, from what the command line says.

    Raises:
        UsageProblem: it does not name both drivers.
    """
    if any(name is None for _, name, _ in asked):
        registry = Registry.read()
        known = "; ".join(f"{kind}s: {', '.join(one.name for one in registry.of(kind)) or 'none'}" for kind in Kind)
        raise UsageProblem(f"Without a terminal, init needs SOURCE and PUSHER. Installed {known}")
    drafts = [draft_of(_found(kind, name), address, settings) for kind, name, address in asked]
    require_complete(*(draft if how.test else draft.completed() for draft in drafts))
    for draft in drafts:
        settle(draft, how)
    return drafts


def _asked_for(path: Path, asked: Asked, settings: Sequence[str], how: Settings) -> list[Draft]:
    """The two entries, from the command line and from what the user answers."""
    # only a terminal needs it, and it takes a while to import
    from fustor_driver.commands._conversation import agreed, converse, picked  # noqa: PLC0415

    records = [_found(kind, name) if name is not None else picked(kind) for kind, name, _ in asked]
    drafts = [draft_of(record, address, settings) for record, (_, _, address) in zip(records, asked, strict=True)]
    for draft in drafts:
        converse(draft, how)
    if not agreed(path, drafts):
        raise typer.Exit(0)
    return drafts


def _found(kind: Kind, name: str | None) -> DriverRecord:
    record = Registry.read().find(kind, name or "")
    record.load()
    return record


def _check_place(path: Path, *, force: bool) -> None:
    """See to it, before anything is asked, that the file can be written.

    Raises:
        UsageProblem: it exists, and is not to be replaced.
        EnvironmentProblem: there is no directory for it, or no right to write there.
    """
    if os.path.lexists(path) and not (force and path.is_file()):
        raise UsageProblem(f"{str(path)!r} exists; --force replaces a file, --config writes to another place")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise EnvironmentProblem(f"Nothing can be written in {str(path.parent)!r}; give --config another place")


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write the file whole, or not at all."""
    with system_allows(f"{str(path)!r} cannot be written"), drafted(path, text.encode(), _MODE) as draft:
        try:
            if force:
                draft.replace(path)
            else:
                os.link(draft, path)
        except FileExistsError as err:  # one has come meanwhile
            raise UsageProblem(f"{str(path)!r} exists; --force replaces a file") from err


def _say_what_next(path: Path, drafts: Sequence[Draft]) -> None:
    at = "" if path == DEFAULT_FILE else f" --config {shlex.quote(str(path))}"
    unset = sorted({name for draft in drafts for name in draft.variables() if name not in os.environ})
    first = f" Set {', '.join(unset)} in the environment first." if unset else ""
    say(f"Wrote {str(path)!r}.{first} Next:")
    for draft in drafts:
        say(f"  fustor-driver check {draft.kind} {draft.entry['driver']}{at}")
    say(f"  fustor-driver run{at}")
