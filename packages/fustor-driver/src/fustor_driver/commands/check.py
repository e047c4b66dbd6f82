"""`fustor-driver check`."""

from __future__ import annotations

from typing import Annotated

import typer

from fustor_driver.checking import STOPPING, Answer, Result, Step, check
from fustor_driver.commands._drivers import EntryOptions
from fustor_driver.commands._options import JsonOption, KindArgument, NameArgument, TimeoutOption, subcommand
from fustor_driver.errors import CheckFailed, NotConformant, Unwritten
from fustor_driver.redaction import clean
from fustor_driver.registry import Registry
from fustor_driver.reporting import SHOWN, print_json

_SIGNS = {
    Answer.PASSED: "ok",
    Answer.FAILED: "FAILED",
    Answer.UNSUPPORTED: "-",
    Answer.UNASKED: "-",
    Answer.UNWRITTEN: "to do",
    Answer.FAULT: "FAULT",
}
_CODES = {
    Answer.FAULT: NotConformant.exit_code,
    Answer.FAILED: CheckFailed.exit_code,
    Answer.UNWRITTEN: Unwritten.exit_code,
}


@subcommand
def check_command(
    kind: KindArgument,
    name: NameArgument,
    entry: EntryOptions,
    only: Annotated[Step | None, typer.Option(help="Check this alone.")] = None,
    timeout: TimeoutOption = 30.0,
    *,
    json: JsonOption = False,
) -> None:
    """Check a configuration, and that the other side answers.

    One row of a source is read. Exit code 9 if anything failed, or if what --only names is not supported; 11 if a
    method of the driver is still to be written.
    """
    driver = Registry.read().find(kind, name).load()
    found_id, found = entry.configured(kind, name)
    done = []
    for result in check(driver, found_id, found, only=only, timeout_sec=timeout, file=entry.file):
        done.append(result)
        if not json:
            _tell(result)
    if json:
        print_json([{"step": result.step, "answer": result.answer, "text": result.text} for result in done])
    if code := _exit_code([result.answer for result in done], only):
        raise typer.Exit(code)


def _tell(result: Result) -> None:
    if not SHOWN.quiet or result.answer in STOPPING:
        text = clean(result.text).removeprefix(f"{Answer.UNWRITTEN}: ")
        typer.echo(f"{_SIGNS[result.answer]:<7}{result.step:<14}{text}")


def _exit_code(answers: list[Answer], only: Step | None) -> int:
    """That of the gravest answer: a driver's fault, then what failed, then what is to do."""
    if only not in (None, Step.CONFIGURATION) and answers == [Answer.UNSUPPORTED]:
        return CheckFailed.exit_code
    return next((code for answer, code in _CODES.items() if answer in answers), 0)
