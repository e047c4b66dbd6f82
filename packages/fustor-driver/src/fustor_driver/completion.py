"""What a shell proposes: names of drivers; for files, what the shell itself would."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import entry_points

import typer

__all__ = ["VARIABLE", "asked_in", "demo_names", "driver_names", "pusher_names", "shell_files", "source_names"]

VARIABLE = "_FUSTOR_DRIVER_COMPLETE"
"""The environment variable by which a shell asks; `asked_in` reads what was typed."""
_OF_PUSHERS = ("push", "replay")


def asked_in() -> Sequence[str]:
    """The words that the user has typed so far, behind the name of the command; none where no shell asks."""
    if VARIABLE not in os.environ:
        return ()
    return (os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")).split()[1:]


def driver_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Drivers of the kind that was typed before, or that the command is for."""
    kind = str(ctx.params.get("kind") or ("pusher" if ctx.info_name in _OF_PUSHERS else "source"))
    return _names(kind, incomplete)


def source_names(incomplete: str) -> list[str]:
    """Sources."""
    return _names("source", incomplete)


def pusher_names(incomplete: str) -> list[str]:
    """Pushers."""
    return _names("pusher", incomplete)


def demo_names(incomplete: str) -> list[str]:
    """Sources whose package brings a system to try them on."""
    from fustor_driver.worlds import GROUP  # noqa: PLC0415 - --version and --help stay quick

    names = (entry.name for entry in entry_points(group=GROUP))
    return sorted({name.removeprefix("source-") for name in names if name.startswith(f"source-{incomplete}")})


def shell_files() -> list[str]:
    """Nothing: where nothing is proposed, every shell goes on with its own names of files."""
    return []


def _names(kind: str, incomplete: str) -> list[str]:
    from fustor_driver.registry import GROUPS  # noqa: PLC0415 - --version and --help stay quick

    groups = [group.name for group in GROUPS if group.kind == kind]
    return sorted(
        {entry.name for group in groups for entry in entry_points(group=group) if entry.name.startswith(incomplete)}
    )
