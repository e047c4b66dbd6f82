"""`fustor-driver singer`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from fustor_driver.choices import DEFAULT_FILE
from fustor_driver.commands._options import subcommand
from fustor_driver.commands._outcome import check_refusals
from fustor_driver.commands._raw import raw_pair
from fustor_driver.configuration import validated
from fustor_driver.engines.building import pusher_of, source_of
from fustor_driver.engines.lines import Lines, read_document
from fustor_driver.engines.singer import TargetOptions, bookmark_of, catalog_of, is_selected, tap, target
from fustor_driver.engines.singer.meltano import meltano_yml
from fustor_driver.errors import UsageProblem
from fustor_driver.hosts.calls import closing
from fustor_driver.reporting import say
from fustor_driver.supervision import run_bounded

SettingsOption = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="Read the driver's entry from this JSON file.")
]
app = typer.Typer(name="singer", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def singer_command() -> None:
    """Be a tap or a target of Singer, such as Meltano runs them."""


@app.command("tap")
@subcommand
def tap_command(
    config: SettingsOption,
    state: Annotated[
        Path | None, typer.Option("--state", "-s", metavar="FILE", help="Go on at the state in this JSON file.")
    ] = None,
    catalog: Annotated[
        Path | None,
        typer.Option("--catalog", "--properties", metavar="FILE", help="Read the stream only if it is selected here."),
    ] = None,
    *,
    discover: Annotated[bool, typer.Option("--discover", "-d", help="Print the catalog, and end.")] = False,
) -> None:
    """Write everything of a source since a state to stdout, and end.

    Without a state, and where its position is gone, that is a snapshot and what changed meanwhile.
    """
    settings = read_document(config, "configuration")
    known = read_document(state, "state") if state is not None else {}
    chosen = read_document(catalog, "catalog") if catalog is not None else None
    stop, lines = threading.Event(), Lines(sys.stdout.buffer)

    async def work() -> None:
        async with closing(source_of(settings)) as source:
            if discover:
                lines.write(catalog_of(source))  # names as they are, though a password may be one of them
                lines.flush()
            elif chosen is None or is_selected(chosen, source.id):
                tap(source, bookmark_of(known, source.id), lines, stop)

    run_bounded(work, stop=stop.set)


@app.command("target")
@subcommand
def target_command(config: SettingsOption) -> None:
    """Push what a tap writes, from stdin; print each state when everything before it is durable.

    Beside the pusher's entry, the file may have `task`, `batch_rows`, `batch_sec` and `allow_deletions`.
    """
    if sys.stdin is None:
        raise UsageProblem("stdin is closed; a target reads there what a tap writes")
    settings = read_document(config, "configuration")
    options = _options_in(settings)

    async def work() -> tuple[int, int]:
        async with closing(pusher_of(settings)) as pusher:
            refused = await target(pusher, options, sys.stdin.buffer, Lines(sys.stdout.buffer))
            return refused.dead_letters, refused.refused_deletions

    check_refusals(*run_bounded(work))


@app.command("init")
@subcommand
def init_command(
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="Take the entries of this configuration file.")
    ] = DEFAULT_FILE,
    source: Annotated[str | None, typer.Option(metavar="ID", help="Read this source of the file.")] = None,
    pusher: Annotated[str | None, typer.Option(metavar="ID", help="Write to this pusher of the file.")] = None,
    to: Annotated[Path, typer.Option(metavar="FILE", help="Write this file.")] = Path("meltano.yml"),
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a meltano.yml from a configuration file.

    It has no secret: those of the configuration have to be variables, and stay variables.
    """
    first, second = raw_pair(config, source, pusher)
    text = meltano_yml(Path.cwd().name or "fustor", first, second)
    try:
        with to.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as err:
        raise UsageProblem(f"{str(to)!r} exists; replace it with --force, or write another with --to") from err
    except OSError as err:
        raise UsageProblem(f"Cannot write {str(to)!r}: {err.strerror}") from err
    say(f"Wrote {to}; run it: meltano run tap-fustor target-fustor")


def _options_in(settings: dict[str, Any]) -> TargetOptions:
    """The target's own settings, taken out of the others."""
    own = {name: settings.pop(name) for name in TargetOptions.model_fields if name in settings}
    return validated(TargetOptions, own)
