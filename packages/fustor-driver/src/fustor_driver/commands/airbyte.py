"""`fustor-driver airbyte`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_driver.commands._options import subcommand
from fustor_driver.engines.airbyte import answers, reading
from fustor_driver.engines.bookmarks import Bookmark
from fustor_driver.engines.building import source_of
from fustor_driver.engines.lines import Lines, read_document, read_json
from fustor_driver.errors import EnvironmentProblem, FustorDriverError
from fustor_driver.hosts.calls import closing
from fustor_driver.kinds import Kind
from fustor_driver.registry import Registry
from fustor_driver.supervision import Interrupted, run_bounded

SettingsOption = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="Read the source's entry from this JSON file.")
]
app = typer.Typer(name="airbyte", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def airbyte_command() -> None:
    """Be a source connector of Airbyte."""


@app.command("spec")
@subcommand
def spec_command(
    driver: Annotated[
        str | None,
        typer.Option(
            envvar="FUSTOR_DRIVER", metavar="NAME", help="Only this driver, with its own parameters. [all installed]"
        ),
    ] = None,
) -> None:
    """Print how a source is configured."""
    names = [driver] if driver is not None else [record.name for record in Registry.read().of(Kind.SOURCE)]
    if not names:
        raise EnvironmentProblem("No source is installed; install a package such as 'fustor-source-postgres'")
    _print(answers.specification(names))


@app.command("check")
@subcommand
def check_command(config: SettingsOption) -> None:
    """Print whether a source's other side answers."""
    try:
        _print(_asked(config, answers.check))
    except Interrupted:
        raise
    except (DriverError, FustorDriverError) as err:  # the answer, which the engine shows
        _print(answers.status(passed=False, text=str(err)))


@app.command("discover")
@subcommand
def discover_command(config: SettingsOption) -> None:
    """Print the catalog of a source: one stream, named by its `id`."""
    with _traced():
        _print(_asked(config, answers.discover))


@app.command("read")
@subcommand
def read_command(
    config: SettingsOption,
    catalog: Annotated[Path, typer.Option(metavar="FILE", help="Read what this configured catalog chooses.")],
    state: Annotated[Path | None, typer.Option(metavar="FILE", help="Go on at the state in this JSON file.")] = None,
) -> None:
    """Write everything of a source since a state to stdout, and end."""
    stop = threading.Event()

    async def work() -> None:
        async with closing(source_of(read_document(config, "configuration"))) as source:
            mode = reading.mode_of(read_document(catalog, "catalog"), source)
            known = reading.bookmark_of(read_json(state, "state"), source.id) if state is not None else None
            if mode is not None:
                reading.read(source, mode, known or Bookmark(), Lines(sys.stdout.buffer), stop)

    with _traced():
        run_bounded(work, stop=stop.set)


def _asked(config: Path, ask: Callable[[SourceDriver], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """What a source answers, which is closed afterwards."""

    async def work() -> dict[str, Any]:
        async with closing(source_of(read_document(config, "configuration"))) as source:
            return await ask(source)

    return run_bounded(work)


def _print(message: dict[str, Any]) -> None:
    lines = Lines(sys.stdout.buffer)
    lines.write(message)
    lines.flush()


@contextmanager
def _traced() -> Iterator[None]:
    """What ends a command by an error is said to the engine too; the exit code and stderr are as everywhere."""
    try:
        yield
    except Interrupted:
        raise
    except (DriverError, FustorDriverError) as err:
        _print(reading.trace_error(str(err)))
        raise
