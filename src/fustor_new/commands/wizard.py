"""The same questions as the options, asked on a terminal."""

import re
from dataclasses import replace
from typing import TypeVar

import typer
from packaging.requirements import InvalidRequirement, Requirement

from fustor_new._output import warn
from fustor_new.errors import NameRefused
from fustor_new.names import derive, plain_name
from fustor_new.options import PusherOptions, SourceOptions

__all__ = ["ask"]

Options = TypeVar("Options", bound=PusherOptions)

# `redis>=5,<6` and `db[a,b]` have commas of their own.
_BETWEEN_REQUIREMENTS = re.compile(r",\s*(?=[A-Za-z0-9])(?![^\[]*\])")


def ask(options: Options) -> Options:
    """`options` with what the author answered; a name that is refused is asked for again.

    Raises:
        typer.Abort: the author pressed Ctrl-C or Ctrl-D.
    """
    answered = replace(
        options,
        names=[_ask_name(options.kind)],
        description=typer.prompt("What does it do, in one line", default=options.description, show_default=False),
        dependency=_ask_dependencies(options.dependency or []),
        author=typer.prompt("Your name (may be empty)", default=options.author, show_default=bool(options.author)),
        email=typer.prompt("Your mail address (may be empty)", default=options.email, show_default=bool(options.email)),
        license=typer.prompt("Licence, as an SPDX expression", default=options.license),
        example=typer.confirm("Start from a small working driver instead of stubs", default=options.example),
    )
    if isinstance(answered, SourceOptions):
        return replace(
            answered,
            durable=typer.confirm("Can a lost event be read again from its position", default=answered.durable),
            audit=typer.confirm("Will it offer audits", default=answered.audit),
        )
    return answered


def _ask_name(kind: str) -> str:
    while True:
        name: str = typer.prompt(f"Name of the {kind}, such as 'redis' or 'my-db'")
        try:
            return derive(kind, plain_name(kind, name)).name
        except NameRefused as refusal:
            warn(str(refusal))


def _ask_dependencies(given: list[str]) -> list[str]:
    while True:
        text: str = typer.prompt(
            "Requirements, separated by commas, such as 'redis>=5'", default=", ".join(given), show_default=bool(given)
        )
        asked = [requirement for piece in _BETWEEN_REQUIREMENTS.split(text) if (requirement := piece.strip(" ,"))]
        try:
            for requirement in asked:
                Requirement(requirement)
        except InvalidRequirement as err:
            warn(f"{requirement!r} is no requirement ({str(err).splitlines()[0]}); write it like 'redis>=5'")
        else:
            return asked
