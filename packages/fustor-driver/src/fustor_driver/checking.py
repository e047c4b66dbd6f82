"""Whether a driver's configuration is right and the other side answers: step by step, each with a deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias, cast

from fustor_core.drivers import SourceDriver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.bases import DriverClass
from fustor_driver.errors import CheckFailed, FustorDriverError, Unwritten
from fustor_driver.faults import known_as
from fustor_driver.hosts.attempts import Attempt, heard
from fustor_driver.hosts.calls import closing, connection_of, is_unsupported, open_phase
from fustor_driver.params import at_their_lines, params_problems
from fustor_driver.reading import bounded
from fustor_driver.supervision import run_bounded
from fustor_event_model import MessageSource

__all__ = ["STOPPING", "Answer", "Result", "Step", "check"]


class Step(StrEnum):
    """What is checked, in this order."""

    CONFIGURATION = "configuration"
    CONNECTION = "connection"
    PRIVILEGES = "privileges"
    RUNTIME = "runtime"
    ROW = "row"


class Answer(StrEnum):
    """What came of a step."""

    PASSED = "passed"
    FAILED = "failed"
    UNSUPPORTED = "not supported"
    UNASKED = "not checked"
    """What it needs has failed, or it has failed for a cause that is named already."""
    UNWRITTEN = "to do"
    FAULT = "fault"
    """The driver raised what is no DriverError."""


_ANSWERS = {CheckFailed: Answer.FAILED, Unwritten: Answer.UNWRITTEN}
STOPPING = (Answer.FAILED, Answer.UNWRITTEN, Answer.FAULT)
"""Answers that no check passes with."""


@dataclass(frozen=True)
class Result:
    """One step and what came of it."""

    step: Step
    answer: Answer
    text: str


@dataclass(frozen=True)
class _Subject:
    driver: DriverClass
    id: str
    config: SourceConfig | PusherConfig
    timeout_sec: float
    file: Path | None


_Ask: TypeAlias = Callable[[_Subject], Coroutine[Any, Any, tuple[bool, str]]]


def check(
    driver: DriverClass,
    id: str,
    config: SourceConfig | PusherConfig,
    *,
    only: Step | None,
    timeout_sec: float,
    file: Path | None = None,
) -> Iterator[Result]:
    """Results as they come. Nothing is written, and of the source one row is read, never a whole table.

    What follows a wrong configuration is not tried, and nothing is asked of a side that is not reached, so that a cause
    is named once. A driver that does not answer in time is left behind in its thread. Mistakes in the configuration are
    named with their lines in the file, if there is one.

    Raises:
        Interrupted: by SIGINT or SIGTERM.
    """
    subject = _Subject(driver, id, config, timeout_sec, file)
    result = _timed(Step.CONFIGURATION, _configuration, subject)
    if only in (None, Step.CONFIGURATION) or result.answer in STOPPING:
        yield result
    if result.answer in STOPPING:
        return
    done: list[Result] = []
    for step, ask in _STEPS.items():
        applies = issubclass(driver, SourceDriver) or step not in _SOURCE_ONLY
        if applies and only in (None, step):
            done.append(_unless_known(step, ask, subject, done))
            yield done[-1]


def _unless_known(step: Step, ask: _Ask, subject: _Subject, done: list[Result]) -> Result:
    """The answer of a step, unless the steps before it have named its cause."""
    if any(before.step is Step.CONNECTION and before.answer is Answer.FAILED for before in done):
        return Result(step, Answer.UNASKED, "The connection failed")
    result = _timed(step, ask, subject)
    for before in done:
        if result.answer is before.answer is Answer.FAILED and _same_cause(before.text, result.text):
            return Result(step, Answer.UNASKED, f"Failed for what `{before.step}` says")
    return result


def _same_cause(before: str, now: str) -> bool:
    """Whether a text names nothing first of all but what another one has named: drivers put notes behind a cause."""
    return now.startswith(before) or before.startswith(now)


async def _configuration(subject: _Subject) -> tuple[bool, str]:
    """Construct the driver once; its own parameters field by field where their model is known."""
    problems = params_problems(subject.driver, subject.config.driver_params)
    if problems:
        return False, "; ".join(map(str, at_their_lines(problems, subject.id, subject.config, subject.file)))
    subject.driver(subject.id, cast("Any", subject.config))
    return True, "Every field is right"


def _timed(step: Step, ask: _Ask, subject: _Subject) -> Result:
    try:
        passed, text = run_bounded(
            lambda: ask(subject), timeout_sec=subject.timeout_sec, name=f"fustor-check-{step}", grace_sec=0.0
        )
    except TimeoutError:
        return Result(step, Answer.FAILED, f"No answer within {subject.timeout_sec:g} s")
    except FustorDriverError:
        raise
    except Exception as err:
        known = known_as(err)
        if known is None:
            raise
        return Result(step, _ANSWERS.get(type(known), Answer.FAULT), str(known))
    if not passed and is_unsupported(text):
        return Result(step, Answer.UNSUPPORTED, text)
    return Result(step, Answer.PASSED if passed else Answer.FAILED, text)


async def _row(subject: _Subject) -> tuple[bool, str]:
    driver = cast("type[SourceDriver]", subject.driver)
    async with closing(driver(subject.id, cast("SourceConfig", subject.config))) as source:
        return _one_row(source, subject.timeout_sec)


def _one_row(source: SourceDriver, timeout_sec: float) -> tuple[bool, str]:
    """Read a row; the first attempt that fails is the answer, since a check does not wait for better times."""
    stop, failed = threading.Event(), list[str]()

    def note(attempt: Attempt) -> None:
        if attempt.number:
            failed.append(attempt.text)
            stop.set()

    with (
        heard(note),
        bounded(
            lambda stop: open_phase(source, MessageSource.SNAPSHOT, stop, batch_size=1),
            max_rows=1,
            max_sec=timeout_sec,
            stop_event=stop,
        ) as events,
    ):
        rows = [row for event in events for row in event.rows]
    if failed and not rows:
        return False, failed[0]
    if rows:
        return True, f"Read one row, {rows[0].get('path')!r}"
    return True, "There is no row: the source is empty, or its configuration chooses nothing of it"


_STEPS: dict[Step, _Ask] = {
    Step.CONNECTION: lambda subject: subject.driver.test_connection(**connection_of(subject.config)),
    Step.PRIVILEGES: lambda subject: subject.driver.check_privileges(**connection_of(subject.config)),
    Step.RUNTIME: lambda subject: cast("type[SourceDriver]", subject.driver).check_runtime_params(
        **connection_of(subject.config), id=subject.id
    ),
    Step.ROW: _row,
}
_SOURCE_ONLY = (Step.RUNTIME, Step.ROW)
