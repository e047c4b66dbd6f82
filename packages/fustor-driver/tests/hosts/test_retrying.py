"""A side that is not reached is said to be tried again, at the first attempt, and costs no position."""

import logging
import threading

import pytest

from fustor_core.exceptions import DriverError, RetryableError
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts import GuideHost, HostOptions
from fustor_driver.hosts.attempts import Attempt, heard
from fustor_driver.hosts.status import PhaseState, RunState
from fustor_driver.reporting import set_verbosity
from fustor_event_model import MessageSource
from fustor_try.running import run_until
from fustor_try.scripted import event

_log = logging.getLogger("fustor_try.retrying")


def _fails(number):
    _log.warning("It is away (attempt %d)", number, extra={"fustor_retry": {"attempt": number, "of": 3}})


def _answers():
    _log.warning("It answers again", extra={"fustor_retry": {"attempt": 0}})


@pytest.fixture
def run(source, pusher, tmp_path):
    """Run the host until the condition, which looks at it, holds; then stop it."""

    def run(condition):
        host = GuideHost(source, pusher, HostOptions(task_id="t", state_dir=tmp_path, audit_interval_sec=0.0))
        run_until(host, lambda: condition(host), timeout_sec=10)
        return host.status()

    return run


@pytest.fixture
def away(source):
    """The source fails to open its stream until the event is set, and says so in its log."""
    back = threading.Event()
    opened = source.get_message_iterator

    def get_message_iterator(position=-1, **kwargs):
        _fails(1)
        _fails(2)
        while not back.wait(0.01):
            if kwargs["stop_event"].is_set():
                raise DriverError("It was stopped")
        _answers()
        return opened(position, **kwargs)

    source.get_message_iterator = get_message_iterator
    return back


def test_a_source_that_is_not_reached_reads_retrying_and_says_why(run, away):
    seen = []
    run(lambda host: seen.append(host.status()) or seen[-1].retries == 2)
    assert not away.is_set()
    assert seen[-1].state is RunState.RETRYING
    assert seen[-1].phases[MessageSource.REALTIME].state is PhaseState.RETRYING
    assert seen[-1].last_error == "It is away (attempt 2)"


def test_a_run_that_ends_meanwhile_has_not_reached_its_source(run, away):
    status = run(lambda host: host.status().retries == 2)
    assert not away.is_set()
    assert status.phases[MessageSource.REALTIME].state is PhaseState.FAILED


def test_a_source_that_answers_again_runs(run, away, source, pusher):
    source.changes.put(event("/a", index=1))
    away.set()
    seen = []
    run(lambda host: seen.append(host.status()) or (pusher.ends() and pusher.paths("realtime") == ["/a"]))
    assert seen[-1].state is RunState.RUNNING
    assert seen[-1].phases[MessageSource.REALTIME].state is PhaseState.RUNNING
    assert seen[-1].retries == 2


def test_a_snapshot_that_loses_its_source_reads_retrying_until_it_goes_on(run, source, pusher):
    states = []

    def snapshot():
        _fails(1)
        yield event("/a", MessageSource.SNAPSHOT)
        _answers()
        yield event("/b", MessageSource.SNAPSHOT)

    def note(host):
        states.append(host.status().phases[MessageSource.SNAPSHOT].state)
        return bool(pusher.ends())

    source.snapshot = snapshot
    pusher.slow = {("/a", "/b"): 0.1}
    status = run(note)
    assert status.retries == 1
    assert status.phases[MessageSource.SNAPSHOT].state is PhaseState.DONE


def test_a_pusher_that_fails_reads_retrying_until_it_answers(run, pusher, caplog):
    pusher.config = pusher.config.model_copy(update={"max_retries": 1000})
    seen = []

    def opening(_):
        if not any(status.state is RunState.RETRYING for status in seen):
            raise RetryableError("It is away")

    pusher.opening = opening
    run(lambda host: seen.append(host.status()) or bool(pusher.ends()))
    assert seen[-1].state is RunState.RUNNING
    assert seen[-1].retries >= 1
    assert "The pusher 'pusher' failed (attempt 1 of 1000, next in 0.001 s): It is away" in caplog.text


def _answering(source, answers):
    """What `test_connection` of the source answers, one after the other, and the last one for ever."""

    async def test_connection(**_):
        return (answers.pop(0) if len(answers) > 1 else answers[0]), "nobody listens there"

    source.test_connection = test_connection
    source.is_position_available = lambda _: answers == [True]


def test_a_position_is_not_given_up_while_the_source_cannot_say(run, source, pusher, caplog):
    pusher.committed = 7
    _answering(source, [False, False, True])
    status = run(lambda host: host.status().state is RunState.RUNNING)
    assert status.resumed_from == 7
    assert status.retries == 2
    assert "realtime from 7" in source.notes.calls
    assert "The source 'source' is not reached (attempt 1 of 3, next in 0.001 s): nobody listens there" in caplog.text


def test_a_run_that_ends_before_its_source_can_say_has_not_reached_it(run, source, pusher):
    source.config = source.config.model_copy(update={"max_retries": 100_000})
    pusher.committed = 7
    _answering(source, [False])
    status = run(lambda host: host.status().retries >= 2)
    assert status.phases[MessageSource.REALTIME].state is PhaseState.FAILED


def test_a_source_that_stays_away_keeps_the_position_for_the_next_start(run, source, pusher, tmp_path):
    pusher.committed = 7
    _answering(source, [False])
    with pytest.raises(CheckFailed, match="was not reached in 3 attempts: nobody listens there"):
        run(lambda _: False)
    assert list(tmp_path.glob("*.snapshot-due")) == []


def test_a_wrong_configuration_is_not_announced_as_a_snapshot(run, source, caplog):
    def refuses(_=-1, **__):
        raise DriverError("Wrong password")

    caplog.set_level(logging.INFO)
    source.get_message_iterator = refuses
    with pytest.raises(DriverError, match="Wrong password"):
        run(lambda _: False)
    assert "snapshot" not in caplog.text


def test_the_log_says_why_there_is_a_snapshot(run, pusher, caplog):
    caplog.set_level(logging.INFO)
    run(lambda _: bool(pusher.ends()))
    assert "Starting with a full snapshot: nothing is committed for this task yet" in caplog.text


def test_only_the_thread_that_listens_hears_its_own_lines():
    told = []
    with heard(told.append):
        thread = threading.Thread(target=_fails, args=(1,))
        thread.start()
        thread.join()
        _log.warning("Something else")
        _fails(2)
    _fails(3)
    assert told == [Attempt(2, "It is away (attempt 2)")]


def test_attempts_are_heard_where_only_errors_are_shown(monkeypatch, capsys):
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    set_verbosity(0, 1)
    told = []
    with heard(told.append):
        _fails(1)
    assert told == [Attempt(1, "It is away (attempt 1)")]
    assert capsys.readouterr().err == ""
