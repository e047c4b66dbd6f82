"""The command: `uv run python -m release VERSION`, or `--rehearse`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from release.errors import ReleaseError
from release.steps import Release, make

__all__ = ["main"]

_REPOSITORY = Path(__file__).resolve().parents[1]


def main(
    version: Annotated[
        str | None,
        typer.Argument(
            help="The version of every distribution. A rehearsal takes the one that CHANGELOG.md announces."
        ),
    ] = None,
    *,
    rehearse: Annotated[
        bool, typer.Option(help="Do all of it in a temporary clone of the work tree, and throw it away.")
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Where the site with packages and index goes. [default: dist/VERSION; of a rehearsal nowhere]"
        ),
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The date in the changelog. [default: today, UTC]"),
    ] = None,
) -> None:
    """Release every distribution: versions, changelog, commit, tag, packages, and an index of them."""
    if version is None and not rehearse:
        raise typer.BadParameter("Say which version, or --rehearse", param_hint="VERSION")
    if into is None and not rehearse:
        into = _REPOSITORY / "dist" / str(version)
    site = into.resolve() if into else None
    try:
        make(Release(_REPOSITORY, version, (day or datetime.now(UTC)).date(), site, rehearse), typer.echo)
    except ReleaseError as err:
        typer.echo(f"Error: {err}", err=True)
        raise typer.Exit(8) from err


if __name__ == "__main__":
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app(prog_name="python -m release")
