"""The questions of the table, asked on a terminal."""

import re
from dataclasses import replace
from typing import Any, TypeVar

import typer

from fustor_new._output import warn
from fustor_new.errors import NameRefused, UsageProblem
from fustor_new.kinds import Kind
from fustor_new.names import derive, plain_name
from fustor_new.options import PusherOptions
from fustor_new.template.questions import Question

__all__ = ["ask"]

Options = TypeVar("Options", bound=PusherOptions)

# `redis>=5,<6` and `db[a,b]` have commas of their own.
_BETWEEN_REQUIREMENTS = re.compile(r",\s*(?=[A-Za-z0-9])(?![^\[]*\])")


def ask(options: Options) -> Options:
    """`options` with what the author answered; what is refused is asked for again.

    Raises:
        typer.Abort: the author pressed Ctrl-C or Ctrl-D.
    """
    name = _ask_name(options.kind)
    asked = (one for one in options.questions if one.prompt)
    return replace(options, names=[name], given={**options.given, **{one.name: _ask(one, options) for one in asked}})


def _ask_name(kind: Kind) -> str:
    while True:
        name: str = typer.prompt(f"Name of the {kind}, such as 'redis' or 'my-db'")
        try:
            return derive(kind, plain_name(kind, name)).name
        except NameRefused as refusal:
            warn(str(refusal))


def _ask(question: Question, options: PusherOptions) -> Any:
    while True:
        answer = _typed(question, options.given.get(question.name, question.unsaid))
        try:
            return question.check(answer) if answer else answer
        except UsageProblem as refusal:
            warn(str(refusal))


def _typed(question: Question, given: Any) -> Any:
    if isinstance(given, bool):
        return typer.confirm(question.prompt, default=given)
    if isinstance(given, str):
        return typer.prompt(question.prompt, default=given, show_default=bool(given))
    text: str = typer.prompt(question.prompt, default=", ".join(given), show_default=bool(given))
    return tuple(piece for one in _BETWEEN_REQUIREMENTS.split(text) if (piece := one.strip(" ,")))
