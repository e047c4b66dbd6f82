"""The three forms of a question on a terminal, on standard error."""

import sys
from collections.abc import Sequence
from typing import TypeVar

import questionary
from prompt_toolkit.output import Output, create_output

from fustor_new.commands._asking import answer

__all__ = ["agreed", "chosen", "typed"]

Value = TypeVar("Value")
_FAINT = "fg:ansibrightblack"


def chosen(message: str, choices: Sequence[tuple[Value, str]], first: Value) -> Value:
    """Return the value of the choice that was made with the arrow keys; the pointer begins at that of `first`.

    Raises:
        KeyboardInterrupt: the author pressed Ctrl-C, as with all functions here.
    """
    offered = [questionary.Choice(label, value=number) for number, (_, label) in enumerate(choices)]
    begin = next((number for number, (value, _) in enumerate(choices) if value == first), 0)
    hint = "(arrow keys, then Enter)"
    question = questionary.select(message, offered, offered[begin], instruction=hint, output=_output())
    number: int = answer(question)
    return choices[number][0]


def typed(message: str, given: str = "", hint: str = "") -> str:
    """Return what was typed, without blanks around it; `given` is there to be edited, `hint` shown where nothing is."""
    question = questionary.text(message, default=given, placeholder=[(_FAINT, hint)], output=_output())
    text: str = answer(question)
    return text.strip()


def agreed(message: str, *, first: bool) -> bool:
    """Tell whether the answer is yes; Enter alone means `first`."""
    return bool(answer(questionary.confirm(message, default=first, output=_output())))


def _output() -> Output:
    """Standard error, since standard output may be a patch or JSON for a program."""
    return create_output(stdout=sys.stderr)
