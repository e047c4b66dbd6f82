"""What a shell proposes for a driver, a licence or a kind; for files, what the shell itself would."""

from collections.abc import Iterable
from pathlib import Path

import typer

from fustor_new.errors import FustorNewError
from fustor_new.kinds import Kind
from fustor_new.template.questions import QUESTIONS

__all__ = ["contract_sources", "driver_names", "kinds", "licences"]


def driver_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Drivers of the workspace that was typed before, else of the one around here."""
    from fustor_new.workspace.finding import starting_point  # noqa: PLC0415 - --help stays quick
    from fustor_new.workspace.naming import driver_labels  # noqa: PLC0415 - as above

    root = ctx.params.get("workspace")
    try:
        labels = driver_labels(starting_point(Path(root) if root else None))
    except (FustorNewError, OSError):  # a shell that completes has no place for an error
        return []
    return [label for label in labels if label.startswith(incomplete)]


def kinds(incomplete: str) -> list[str]:
    """What a driver can be."""
    return _beginning(incomplete, Kind)


def licences(incomplete: str) -> list[str]:
    """The licences that are offered in the conversation."""
    return _beginning(incomplete, _LICENCES)


def contract_sources(incomplete: str) -> list[str]:
    """The sources that have a word; a directory is the shell's to complete."""
    return _beginning(incomplete, ("index", "vendor", "workspace"))


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [str(word) for word in words if word.startswith(incomplete)]


_LICENCES = [value for one in QUESTIONS if one.name == "license" for value, _ in one.choices if value]
