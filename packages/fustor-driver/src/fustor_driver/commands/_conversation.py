"""Two entries that work, asked for on a terminal step by step."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from fustor_driver.commands._entries import ADMIN_PASSWORD, Settings, create_user, passes, require_complete, statements
from fustor_driver.commands.about import first_line
from fustor_driver.errors import CheckFailed, FustorDriverError
from fustor_driver.kinds import Kind
from fustor_driver.redaction import clean
from fustor_driver.registry import DriverRecord, Registry
from fustor_driver.supervision import Interrupted
from fustor_driver.wizard import asking
from fustor_driver.wizard.document import summary
from fustor_driver.wizard.draft import Draft
from fustor_driver.wizard.questions import Step, read_steps

__all__ = ["agreed", "converse", "picked"]

_AGAIN, _CREATE, _SHOW, _GO_ON, _STOP = "again", "create", "show", "go on", "stop"


def picked(kind: Kind) -> DriverRecord:
    """The driver that the user picks from those that load."""
    records = [record for record in Registry.installed().of(kind) if record.driver is not None]
    choices = [(record.name, record, first_line(record.load())) for record in records]
    if not choices:
        return Registry.installed().find(kind, "")
    found: DriverRecord = asking.choose("What is read?" if kind is Kind.SOURCE else "Where is it written to?", choices)
    return found


def converse(draft: Draft, how: Settings) -> None:
    """Ask for the entry step by step; each step is tested, and may be answered again.

    Raises:
        CheckFailed: the user stopped.
        ConfigurationProblem: the answers do not make an entry.
    """
    steps = read_steps(draft.kind, draft.driver)
    if how.create_user:
        _ask(draft, steps)
        _create(draft, how)
    untested = 0
    for at, step in enumerate(steps, start=1):
        _ask(draft, (step,))
        if not how.test or draft.faults():  # a later step asks for what is missing
            continue
        while not _works(draft, steps[untested:at], how):
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
    return asking.confirm(f"Write this to {str(path)!r}?")


def _ask(draft: Draft, steps: Sequence[Step], *, again: bool = False) -> None:
    for step in steps:
        open_questions = [one for one in step.questions if again or not draft.is_answered(one)]
        if open_questions:
            typer.echo(f"\n{draft.kind} {draft.id}: {clean(step.title)}")
        for question in open_questions:
            asking.ask(draft, question)


def _works(draft: Draft, steps: Sequence[Step], how: Settings) -> bool:
    return passes(draft, [name for step in steps for name in step.validations], how.timeout_sec)


def _wish(draft: Draft) -> str:
    choices = [("Answer again", _AGAIN, "")]
    if draft.can_create_user:
        choices += [
            ("Create the user, with an administrator's account", _CREATE, ""),
            ("Show the statements that create the user", _SHOW, ""),
        ]
    choices += [("Go on all the same", _GO_ON, ""), ("Stop, and write nothing", _STOP, "")]
    return str(asking.choose("This does not work yet. What now?", choices))


def _grant(wish: str, draft: Draft, steps: Sequence[Step], later: Sequence[Step], how: Settings) -> None:
    if wish == _STOP:
        raise CheckFailed("Nothing was written")
    if wish == _AGAIN:
        _ask(draft, steps, again=True)
        return
    _ask(draft, later)  # what the user may read
    if wish == _SHOW:
        typer.echo(statements(draft, how.timeout_sec) or "The driver does not say them")
        asking.text("Run them, then press Enter to test again")
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
    user = how.admin_user or asking.text(
        "Name of an administrator", judge=lambda typed: None if typed else "A name is needed"
    )
    given = os.environ.get(ADMIN_PASSWORD)
    create_user(draft, how, user, given or asking.hidden("The administrator's password; it is not written"))
