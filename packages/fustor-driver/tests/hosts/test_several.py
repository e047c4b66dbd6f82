"""Several runs in one process: each on its own, all stopped by one signal."""

import logging
import os
import signal

import pytest

from fustor_core.exceptions import DriverError
from fustor_driver.errors import EnvironmentProblem
from fustor_driver.hosts import HostOptions
from fustor_driver.hosts.runner import Job, run_hosts
from fustor_driver.hosts.status import RunState
from fustor_event_model import MessageSource
from fustor_try.hanging import Hang, HangingSource
from fustor_try.scripted import event, scripted_pusher, scripted_source


@pytest.fixture
def job(tmp_path):
    def job(task_id, source=None, **options):
        source = source or scripted_source()
        source.snapshot = lambda: iter([event(f"/{task_id}", MessageSource.SNAPSHOT)])
        settings = {"task_id": task_id, "state_dir": tmp_path, "audit_interval_sec": 0.0, "stop_timeout_sec": 1.0}
        return Job(source, scripted_pusher(), HostOptions(**(settings | options)))

    return job


def _all_are(state):
    return lambda seen: all(status.state is state for status in seen)


def _interrupt_when(condition):
    sent = []

    def look(seen):
        if not sent and condition(seen):
            sent.append(os.kill(os.getpid(), signal.SIGINT))

    return look


def test_each_has_its_own_pusher_and_one_signal_ends_all(job):
    jobs = [job("a"), job("b")]
    ends = lambda seen: all(status.phases[MessageSource.SNAPSHOT].runs for status in seen)  # noqa: E731 - one use
    ended = run_hosts(jobs, look=_interrupt_when(ends), look_every_sec=0.01)
    assert [one.pusher.paths("snapshot") for one in jobs] == [["/a"], ["/b"]]
    assert [(one.signal, one.error, one.status.state) for one in ended] == [(signal.SIGINT, None, RunState.STOPPED)] * 2
    assert [one.status.task_id for one in ended] == ["a", "b"]


def test_one_that_fails_ends_no_other_and_is_named_in_the_log(job, caplog):
    failing = job("a")
    failing.source.changes.put(DriverError("the log is gone"))
    with caplog.at_level(logging.ERROR):
        first, second = run_hosts([failing, job("b")], duration_sec=0.4, look_every_sec=0.01)
    assert (str(first.error), first.status.state) == ("the log is gone", RunState.FAILED)
    assert (second.error, second.status.state) == (None, RunState.STOPPED)
    assert "Task 'a' has ended by an error: the log is gone" in caplog.text


def test_all_that_are_to_end_end_the_process(job):
    ended = run_hosts([job("a", once=True, quiet_sec=0.05), job("b", once=True, quiet_sec=0.05)], look_every_sec=0.01)
    assert [(one.status.caught_up, one.error, one.signal) for one in ended] == [(True, None, 0)] * 2


def test_one_that_does_not_stop_holds_up_no_other(job):
    hang = Hang("realtime", "blocks")
    stuck = HangingSource(hang)
    stuck.changes.put(event("/x", index=1))
    try:
        jobs = [job("a", stuck), job("b")]
        first, second = run_hosts(jobs, look=_interrupt_when(lambda _: hang.reached.is_set()), look_every_sec=0.01)
    finally:
        hang.release.set()
    assert (first.status.state, second.status.state) == (RunState.ABORTED, RunState.STOPPED)


def test_nothing_starts_where_one_task_is_run_already(job):
    first, second = job("a"), job("a")
    with pytest.raises(EnvironmentProblem, match="is run by process"):
        run_hosts([first, second])
    assert first.pusher.sessions == second.pusher.sessions == []
