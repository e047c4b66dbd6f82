"""Two entries that work, asked for on a terminal step by step.

Each answer, given with arrow keys or typed, is judged before the next one is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import questionary
import typer

from fustor_driver.commands._asking import answer
from fustor_driver.commands._entries import ADMIN_PASSWORD, Settings, create_user, passes, require_complete, statements
from fustor_driver.commands.about import first_line
from fustor_driver.errors import CheckFailed, FustorDriverError
from fustor_driver.kinds import Kind
from fustor_driver.plain_yaml import UnreadableYaml, parse_yaml
from fustor_driver.redaction import REDACTOR, clean
from fustor_driver.registry import DriverRecord, Registry
from fustor_driver.supervision import Interrupted
from fustor_driver.wizard.document import summary
from fustor_driver.wizard.draft import Draft
from fustor_driver.wizard.questions import Form, Question, Step, read_steps

__all__ = ["agreed", "converse", "picked"]

_AGAIN, _CREATE, _SHOW, _GO_ON, _STOP = "again", "create", "show", "go on", "stop"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def picked(kind: Kind) -> DriverRecord:
    """The driver that the user picks from those that load."""
    records = [record for record in Registry.installed().of(kind) if record.driver is not None]
    choices = [(record.name, record, first_line(record.load())) for record in records]
    if not choices:
        return Registry.read().find(kind, "")
    found: DriverRecord = _choose("What is read?" if kind is Kind.SOURCE else "Where is it written to?", choices)
    return found


def converse(draft: Draft, how: Settings) -> None:
    """Ask for the entry step by step; each step is tested, and may be answered again.

    Raises:
        CheckFailed: the user stopped.
        ConfigurationProblem: the answers do not make an entry.
    """
    steps = read_steps(draft.kind, draft.driver)
    if how.create_user:
        _ask_steps(draft, steps)
        _create(draft, how)
    untested = 0
    for at, step in enumerate(steps, start=1):
        _ask_steps(draft, (step,))
        if not how.test or draft.faults():  # a later step asks for what is missing
            continue
        while not passes(draft, steps[untested:at], how.timeout_sec):
            wish = _wish(draft)
            if wish == _GO_ON:
                break
            _grant(wish, draft, steps[untested:at], steps[at:], how)
        untested = at
    require_complete(draft.completed())
    if how.test and draft.faults():
        typer.echo("Not tested, since a variable is not set: " + "; ".join(map(str, draft.faults())))


def agreed(path: Path, drafts: Sequence[Draft]) -> bool:
    """Whether what was answered is to be written."""
    for draft in drafts:
        typer.echo(f"\n{draft.kind} {draft.id}")
        for line in summary(draft):
            typer.echo(f"  {clean(line)}")
    typer.echo()
    return _confirm(f"Write this to {str(path)!r}?")


def _ask_steps(draft: Draft, steps: Sequence[Step], *, again: bool = False) -> None:
    for step in steps:
        open_questions = [one for one in step.questions if again or not draft.is_answered(one)]
        if open_questions:
            typer.echo(f"\n{draft.kind} {draft.id}: {clean(step.title)}")
        for question in open_questions:
            _ask(draft, question)


def _wish(draft: Draft) -> str:
    choices = [("Answer again", _AGAIN, "")]
    if draft.can_create_user:
        choices += [
            ("Create the user, with an administrator's account", _CREATE, ""),
            ("Show the statements that create the user", _SHOW, ""),
        ]
    choices += [("Go on all the same", _GO_ON, ""), ("Stop, and write nothing", _STOP, "")]
    return str(_choose("This does not work yet. What now?", choices))


def _grant(wish: str, draft: Draft, steps: Sequence[Step], later: Sequence[Step], how: Settings) -> None:
    if wish == _STOP:
        raise CheckFailed("Nothing was written")
    if wish == _AGAIN:
        _ask_steps(draft, steps, again=True)
        return
    _ask_steps(draft, later)  # what the user may read
    if wish == _SHOW:
        typer.echo(statements(draft, how.timeout_sec) or "The driver does not say them")
        _typed("Run them, then press Enter to test again")
        return
    try:
        _create(draft, how)
    except Interrupted:
        raise
    except FustorDriverError as err:  # the user is asked what to do next, and keeps every answer
        typer.echo(clean(str(err)))


def _create(draft: Draft, how: Settings) -> None:
    if not draft.can_create_user:
        return
    user = how.admin_user or _typed(
        "Name of an administrator", judge=lambda typed: None if typed else "A name is needed"
    )
    given = os.environ.get(ADMIN_PASSWORD)
    create_user(draft, how, user, given or _hidden("The administrator's password; it is not written"))


def _ask(draft: Draft, question: Question) -> None:
    """Put the user's answer into the draft; what the entry has already is proposed.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C or Ctrl-D.
    """
    known = draft.get(question.path, question.default)
    if question.form is Form.SECRET:
        _ask_secret(draft, question)
    elif question.form is Form.YES_NO:
        _put(draft, question, _confirm(_titled(question), default=bool(known)))
    elif question.form is Form.CHOICE:
        _put(draft, question, _choose(_titled(question), [(str(one), one, "") for one in question.choices], known))
    else:
        typed = _typed(
            question.title,
            hint=question.help,
            default=_shown(known),
            judge=lambda typed: _fault(draft, question, typed),
        )
        _put(draft, question, _parsed(question, typed))


def _choose(title: str, choices: Sequence[tuple[str, Any, str]], default: Any = None) -> Any:
    """The value of the choice that was picked with the arrow keys; each has a title, a value and a description."""
    options = [questionary.Choice(name, value, description=about or None) for name, value, about in choices]
    proposed = next((option for option in options if option.value == default), None)
    return answer(questionary.select(title, options, default=proposed))


def _confirm(title: str, *, default: bool = True) -> bool:
    """Whether the user agrees."""
    return bool(answer(questionary.confirm(title, default=default)))


def _typed(
    title: str, *, hint: str = "", default: str = "", judge: Callable[[str], str | None] = lambda _: None
) -> str:
    """A line that `judge` has nothing to say against; what it says is shown below the line."""

    def accepted(typed: str) -> bool | str:
        fault = judge(typed.strip())
        return True if fault is None else clean(fault)

    shown = f"{title} ({hint})" if hint else title
    asked = questionary.text(shown, default=default, validate=accepted, validate_while_typing=False)
    return str(answer(asked)).strip()


def _hidden(title: str) -> str:
    """A secret, which is not shown, and never shown afterwards."""
    typed = str(answer(questionary.password(title)))
    REDACTOR.add(typed)
    return typed


def _ask_secret(draft: Draft, question: Question) -> None:
    """The name of the variable that holds a secret; its value only where it is not set, and only for the test."""
    known = _REFERENCE.fullmatch(str(draft.get(question.path, "")))
    proposed = known[1] if known else re.sub(r"\W", "_", f"{draft.id}_{question.path[-1]}").upper()
    name = _typed(
        f"Environment variable that holds {question.title}",
        hint="empty: there is none",
        default=proposed,
        judge=lambda typed: (
            None if not typed or _VARIABLE.fullmatch(typed) else f"{typed!r} is not a name of a variable"
        ),
    )
    draft.put(question.path, f"${{{name}}}" if name else None)
    if name and name not in draft.environ:
        value = _hidden(f"{name} is not set here. Its value, for the test alone; it is not written (empty: no test)")
        if value:
            draft.environ[name] = value


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
