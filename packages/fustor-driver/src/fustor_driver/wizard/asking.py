"""Questions on a terminal: arrow keys, and each answer judged before the next one is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import questionary

from fustor_driver.plain_yaml import UnreadableYaml, parse_yaml
from fustor_driver.redaction import REDACTOR, clean
from fustor_driver.wizard.draft import Draft
from fustor_driver.wizard.questions import Form, Question

__all__ = ["ask", "choose", "confirm", "hidden", "text"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def ask(draft: Draft, question: Question) -> None:
    """Put the user's answer into the draft; what the entry has already is proposed.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C or Ctrl-D.
    """
    known = draft.get(question.path, question.default)
    if question.form is Form.SECRET:
        _ask_secret(draft, question)
    elif question.form is Form.YES_NO:
        _put(draft, question, confirm(_titled(question), default=bool(known)))
    elif question.form is Form.CHOICE:
        _put(draft, question, choose(_titled(question), [(str(one), one, "") for one in question.choices], known))
    else:
        typed = text(
            question.title,
            hint=question.help,
            default=_shown(known),
            judge=lambda typed: _fault(draft, question, typed),
        )
        _put(draft, question, _parsed(question, typed))


def choose(title: str, choices: Sequence[tuple[str, Any, str]], default: Any = None) -> Any:
    """The value of the choice that was picked with the arrow keys; each has a title, a value and a description."""
    options = [questionary.Choice(name, value, description=about or None) for name, value, about in choices]
    proposed = next((option for option in options if option.value == default), None)
    return _asked(questionary.select(title, options, default=proposed))


def confirm(title: str, *, default: bool = True) -> bool:
    """Whether the user agrees."""
    return bool(_asked(questionary.confirm(title, default=default)))


def text(title: str, *, hint: str = "", default: str = "", judge: Callable[[str], str | None] = lambda _: None) -> str:
    """A line that `judge` has nothing to say against; what it says is shown below the line."""

    def accepted(typed: str) -> bool | str:
        fault = judge(typed.strip())
        return True if fault is None else clean(fault)

    shown = f"{title} ({hint})" if hint else title
    asked = questionary.text(shown, default=default, validate=accepted, validate_while_typing=False)
    return str(_asked(asked)).strip()


def hidden(title: str) -> str:
    """A secret, which is not shown, and never shown afterwards."""
    typed = str(_asked(questionary.password(title)))
    if typed:
        REDACTOR.add(typed)
    return typed


def _ask_secret(draft: Draft, question: Question) -> None:
    """The name of the variable that holds a secret; its value only where it is not set, and only for the test."""
    known = _REFERENCE.fullmatch(str(draft.get(question.path, "")))
    proposed = known[1] if known else re.sub(r"\W", "_", f"{draft.id}_{question.path[-1]}").upper()
    name = text(
        f"Environment variable that holds {question.title}",
        hint="empty: there is none",
        default=proposed,
        judge=lambda typed: (
            None if not typed or _VARIABLE.fullmatch(typed) else f"{typed!r} is not a name of a variable"
        ),
    )
    draft.put(question.path, f"${{{name}}}" if name else None)
    if name and name not in draft.environ:
        value = hidden(f"{name} is not set here. Its value, for the test alone; it is not written (empty: no test)")
        if value:
            draft.environ[name] = value


def _asked(question: questionary.Question) -> Any:
    try:
        return question.unsafe_ask()
    except EOFError:  # Ctrl-D
        raise KeyboardInterrupt from None


def _put(draft: Draft, question: Question, value: Any) -> None:
    """A default is not written, so that it stays the driver's."""
    draft.put(question.path, None if value == question.default and not question.is_required else value)


def _titled(question: Question) -> str:
    return f"{question.title} ({question.help})" if question.help else question.title


def _fault(draft: Draft, question: Question, typed: str) -> str | None:
    try:
        value = _parsed(question, typed)
    except UnreadableYaml as err:
        return str(err)
    if value is None:
        return "An answer is needed" if question.is_required else None
    return draft.fault_of(question.path, value)


def _parsed(question: Question, typed: str) -> Any:
    if question.form is Form.LIST:
        return [piece for one in typed.split(",") if (piece := one.strip())] or None
    if question.form is Form.YAML and typed:
        return parse_yaml(typed)
    return typed or None


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
