"""What stops a run before it begins: options that do not go together, and a refresh that is not confirmed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from fustor_driver.configuration import Pair
from fustor_driver.errors import UsageProblem
from fustor_driver.redaction import clean

__all__ = ["confirm_refresh", "refuse_contradictions"]


def refuse_contradictions(
    chosen: Sequence[Pair], *, task: str | None, strict: bool, once: bool, audit_interval: float | None
) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageProblem: those of one run were given for several, or those of a long one for a short one.
    """
    if len(chosen) > 1 and (task is not None or strict):
        raise UsageProblem("--task and --strict are for one run; choose one with --sync")
    if once and audit_interval:
        raise UsageProblem("--once takes no audits: leave out --audit-interval, or run with --for instead")


def confirm_refresh(task_ids: Sequence[str]) -> None:
    """Ask on a terminal.

    Raises:
        UsageProblem: the answer is no, or there is nobody to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageProblem("--full-refresh reads everything again; say --yes where there is no terminal to ask on")
    named = ", ".join(repr(clean(task_id)) for task_id in task_ids)
    text = f"Everything is read and pushed again, and the position of {named} is forgotten. Go on?"
    if not typer.confirm(text, err=True):
        raise UsageProblem("Nothing was done: --full-refresh was not confirmed")
