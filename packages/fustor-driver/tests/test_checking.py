"""A check names one cause once, and within its time."""

import logging
import time

import pytest

from fustor_core.exceptions import DriverError
from fustor_core.models.config import SourceConfig
from fustor_driver.checking import Answer, Step, check
from fustor_try.scripted import ScriptedSource

_log = logging.getLogger("fustor_try.checking")


class _AwaySource(ScriptedSource):
    """Tries again for ever, and says so in its log."""

    def get_snapshot_iterator(self, **kwargs):
        _log.warning("Nobody listens there (attempt 1)", extra={"fustor_retry": {"attempt": 1}})
        kwargs["stop_event"].wait()
        raise DriverError("It was stopped")
        yield


class _ClosedSource(_AwaySource):
    @classmethod
    async def test_connection(cls, **_):
        return False, "Nobody listens there"


class _EmptySource(ScriptedSource):
    """Says one cause in every answer, with a note behind it in one of them."""

    @classmethod
    async def check_privileges(cls, **_):
        return False, "Pattern 'x' matches no table"

    @classmethod
    async def check_runtime_params(cls, **_):
        return False, "Pattern 'x' matches no table; the disk is nearly full"

    def get_snapshot_iterator(self, **_):
        raise DriverError("Pattern 'x' matches no table")


def _answers(driver, only=None):
    config = SourceConfig(driver="scripted", uri="x")
    return {result.step: result for result in check(driver, "s", config, only=only, timeout_sec=20)}


class _NamedSource(ScriptedSource):
    """Says which source it is asked for."""

    @classmethod
    async def check_runtime_params(cls, **kwargs):
        return True, f"asked for {kwargs['id']}"


def test_a_source_is_asked_by_its_name_what_it_keeps_on_the_other_side():
    assert _answers(_NamedSource, Step.RUNTIME)[Step.RUNTIME].text == "asked for s"


def test_nothing_is_asked_of_a_side_that_is_not_reached():
    began = time.monotonic()
    answers = _answers(_ClosedSource)
    assert answers[Step.CONNECTION].answer is Answer.FAILED
    after = [answers[step] for step in (Step.PRIVILEGES, Step.RUNTIME, Step.ROW)]
    assert {result.answer for result in after} == {Answer.UNASKED}
    assert time.monotonic() - began < 5


def test_a_row_that_a_source_goes_on_trying_to_read_is_answered_by_its_first_attempt():
    began = time.monotonic()
    answers = _answers(_AwaySource)
    assert answers[Step.ROW].answer is Answer.FAILED
    assert answers[Step.ROW].text == "Nobody listens there (attempt 1)"
    assert time.monotonic() - began < 5


def test_a_cause_is_named_once():
    answers = _answers(_EmptySource)
    assert answers[Step.PRIVILEGES].answer is Answer.FAILED
    for step in (Step.RUNTIME, Step.ROW):
        assert answers[step].answer is Answer.UNASKED
        assert answers[step].text == "Failed for what `privileges` says"


@pytest.mark.parametrize("step", [Step.RUNTIME, Step.ROW])
def test_what_is_checked_alone_says_its_cause_itself(step):
    assert "matches no table" in _answers(_EmptySource, only=step)[step].text
