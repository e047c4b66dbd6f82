"""Drivers that hang: a check ends at its deadline and says where the driver stands; the run stays bounded."""

# ruff: noqa: ARG002 - stubs keep the signatures of what they replace

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kit_memory import MemoryWorld
from kit_mutants.realtime import IgnoresStopEvent
from kit_pusher import FileWorld, LogDriver
from kit_source import MemoryDriver

from fustor_conformance import Judge, Kind, Status, find_rule, subject_of_class
from fustor_conformance.subject import Options

pytestmark = pytest.mark.wide


class HangsUntilClosed(MemoryDriver):
    """A snapshot that waits for what never comes, until the driver is told to stop."""

    def snapshot_rows(self, stop, partition):
        self._stop_driver_event.wait()
        return iter(())


class HangsInPush(LogDriver):
    async def push(self, events, **kwargs):
        await self.answer()

    async def answer(self):
        await asyncio.get_running_loop().create_future()


def judge_of(kind, driver, world, **more):
    return Judge(subject_of_class(kind, driver, world, name="hangs", options=Options(patience_sec=0.5)), **more)


def test_a_stop_event_that_is_ignored_is_waited_for_once():
    judge = judge_of(Kind.SOURCE, IgnoresStopEvent, MemoryWorld)
    assert judge.verdict(find_rule("E01")).status is Status.PASSED
    assert judge.subject.manners.ignores_stop
    began = time.monotonic()
    assert judge.verdict(find_rule("M01")).status is Status.FAILED
    for rule_id in ("C14", "I04", "I05", "M07"):
        assert judge.verdict(find_rule(rule_id)).status is Status.PASSED
    assert time.monotonic() - began < 15


def test_what_builds_on_a_stream_that_stops_is_not_judged_where_it_does_not():
    judge = judge_of(Kind.SOURCE, IgnoresStopEvent, MemoryWorld)
    for rule_id in ("M09", "R01", "R02"):
        found = judge.verdict(find_rule(rule_id))
        assert (found.status, found.detail) == (Status.NOT_JUDGED, "After M01-stop-event-within-2s, which failed")


def test_a_hanging_check_is_released_and_later_ones_get_less_time():
    judge = judge_of(Kind.SOURCE, HangsUntilClosed, MemoryWorld, deadline_sec=1.0)
    found = judge.verdict(find_rule("C11"))
    assert (found.status, judge.subject.manners.hangs) == (Status.FAILED, 1)
    assert "Did not return within 1 s; it stands in" in found.detail
    assert "self._stop_driver_event.wait()" in found.detail
    left = {thread.name for thread in threading.enumerate()}
    assert "conformance-C11" not in left, "told to stop, the driver came back, and the check tidied up"


def test_a_coroutine_that_hangs_is_shown_where_it_waits():
    judge = judge_of(Kind.PUSHER, HangsInPush, FileWorld, deadline_sec=1.0)
    found = judge.verdict(find_rule("U06"))
    assert found.status is Status.FAILED
    assert "in answer: await asyncio.get_running_loop().create_future()" in found.detail


@pytest.mark.wide
def test_a_run_over_a_driver_that_hangs_is_bounded():
    began = time.monotonic()
    verdicts = judge_of(Kind.SOURCE, HangsUntilClosed, MemoryWorld, deadline_sec=2.0).verdicts()
    assert time.monotonic() - began < 60
    assert {v.rule.id for v in verdicts if v.status is Status.FAILED} >= {"C11"}


_JUDGES_AND_ENDS = """
import conftest
from test_hangs import HangsUntilClosed, Kind, MemoryWorld, find_rule, judge_of
print(judge_of(Kind.SOURCE, HangsUntilClosed, MemoryWorld, deadline_sec=1.0).verdict(find_rule("C23")).status)
"""


def test_a_process_that_has_judged_a_driver_that_hangs_ends():
    command = [sys.executable, "-c", _JUDGES_AND_ENDS]
    ended = subprocess.run(command, check=False, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.returncode) == ("failed\n", 0), ended.stderr
