"""Two entries that work, from names of drivers and options: what `init` does where nobody can be asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from fustor_driver.choices import put_setting
from fustor_driver.errors import CheckFailed, ConfigurationProblem, FieldProblem, UsageProblem
from fustor_driver.kinds import Kind
from fustor_driver.redaction import REDACTOR, clean
from fustor_driver.registry import DriverRecord
from fustor_driver.wizard.draft import Draft
from fustor_driver.wizard.questions import Step, read_steps

__all__ = [
    "ADMIN_PASSWORD",
    "Settings",
    "create_user",
    "draft_of",
    "passes",
    "require_complete",
    "settle",
    "statements",
]

ADMIN_PASSWORD = "FUSTOR_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable
_SIGNS = {True: "ok", False: "FAILED", None: "-"}


@dataclass(frozen=True)
class Settings:
    """How the two entries are come by."""

    test: bool
    create_user: bool
    admin_user: str | None
    timeout_sec: float


def draft_of(record: DriverRecord, address: str | None, settings: Sequence[str]) -> Draft:
    """An entry with what the command line says of this driver.

    Raises:
        UsageProblem: a setting is for neither driver.
    """
    entry: dict[str, object] = {"driver": record.name, "disabled": False}
    if address is not None:
        entry[record.kind.address_key] = address
    for setting in settings:
        kind, _, rest = setting.partition(".")
        if kind not in tuple(Kind):
            raise UsageProblem("--set of init begins with 'source.' or 'pusher.', as in --set source.max_retries=3")
        if kind == record.kind:
            put_setting(entry, rest)
    return Draft(record.kind, record.name, record.load(), entry)


def settle(draft: Draft, how: Settings) -> None:
    """Test what the options gave.

    Raises:
        CheckFailed: the other side did not answer as it should.
    """
    if how.create_user and draft.can_create_user:
        if how.admin_user is None:
            raise UsageProblem(f"--create-user needs --admin-user; {ADMIN_PASSWORD} holds the password")
        create_user(draft, how, how.admin_user, os.environ.get(ADMIN_PASSWORD))
    refusal = None if how.test else draft.completed().refusal()
    if refusal:
        raise CheckFailed(f"{draft.kind}: {refusal}")
    if how.test and not passes(draft, read_steps(draft.kind, draft.driver), how.timeout_sec):
        proposed = statements(draft, how.timeout_sec)
        if proposed:
            typer.echo(
                f"If the user is missing, --create-user creates it, or an administrator runs:\n{proposed}", err=True
            )
        raise CheckFailed(
            f"Nothing was written: the {draft.kind} {draft.id!r} does not work; --no-test leaves the test out"
        )


def require_complete(*drafts: Draft) -> None:
    """See to it that entries can be written.

    Raises:
        ConfigurationProblem: something is missing or wrong, field by field.
    """
    faults = [_with_a_way_out(draft, fault) for draft in drafts for fault in draft.faults()]
    if faults:
        raise ConfigurationProblem(tuple(faults))


def passes(draft: Draft, steps: Sequence[Step], timeout_sec: float) -> bool:
    """Whether the driver takes the entry and the other side answers as it should; what each says is shown."""
    refusal = draft.refusal()
    if refusal:
        _show(draft, "configuration", False, refusal)
        return False
    for name in dict.fromkeys(name for step in steps for name in step.validations):
        told = draft.ask(name, timeout_sec)
        _show(draft, name, told.passed, told.text)
        if told.passed is False:
            return False
    return True


def create_user(draft: Draft, how: Settings, admin_user: str, password: str | None) -> None:
    """Create the user that the credential names, with an administrator's account, which is not written anywhere.

    Raises:
        CheckFailed: it could not be created.
    """
    if password:
        REDACTOR.add(password)
    told = draft.ask("create_agent_user", how.timeout_sec, admin_creds={"user": admin_user, "passwd": password})
    _show(draft, "create_agent_user", told.passed, told.text)
    if not told.passed:
        raise CheckFailed("The user was not created; nothing was written")


def statements(draft: Draft, timeout_sec: float) -> str:
    """What an administrator runs to create the user; empty where the driver does not say it.

    Without `admin_creds` no driver can create anything, whether it knows `dry_run` or not.
    """
    if not draft.can_create_user:
        return ""
    told = draft.ask("create_agent_user", timeout_sec, dry_run=True)
    return "\n".join(f"    {clean(line)}" for line in told.text.splitlines()) if told.passed else ""


def _show(draft: Draft, question: str, passed: bool | None, text: str) -> None:
    typer.echo(f"{_SIGNS[passed]:<7}{draft.kind} {question.replace('_', ' ')}: {clean(text)}", err=True)


def _with_a_way_out(draft: Draft, fault: FieldProblem) -> FieldProblem:
    is_address = fault.field == draft.kind.address_key
    option = f"--{fault.field}" if is_address else f"--set {draft.kind}.{fault.field}=VALUE"
    unset = [name for name in draft.variables() if name not in draft.environ and repr(name) in fault.message]
    way = "set it, or leave the test out with --no-test" if unset else f"give {option}"
    return FieldProblem(f"{draft.kind} {fault.field}", f"{fault.message}; {way}")
