"""One task is run once at a time: by one process of a state directory, and against any other at the pusher."""

import os

import pytest

from fustor_core.exceptions import DriverError
from fustor_driver.errors import CheckFailed, EnvironmentProblem
from fustor_driver.hosts import HostOptions, run_host
from fustor_driver.hosts.lock import locked_task


def _options(tmp_path, task="t"):
    return HostOptions(task_id=task, state_dir=tmp_path, audit_interval_sec=0)


def test_a_second_run_of_a_task_is_refused_by_name(tmp_path, source, pusher):
    with locked_task(_options(tmp_path)):
        with pytest.raises(EnvironmentProblem, match=rf"Task 't' is run by process {os.getpid()} already") as caught:
            run_host(source, pusher, _options(tmp_path))
        assert caught.value.exit_code == 7
        assert not pusher.sessions
        run_host(source, pusher, _options(tmp_path, "another"), duration_sec=0.05)
    assert pusher.sessions


def test_the_lock_is_let_go_at_the_end(tmp_path, source, pusher):
    for _ in range(2):
        run_host(source, pusher, _options(tmp_path), duration_sec=0.05)
    assert len(pusher.sessions) == 2


def test_what_stands_in_the_place_of_the_lock_is_named(tmp_path, source, pusher):
    (tmp_path / "t.lock").mkdir()
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        run_host(source, pusher, _options(tmp_path))


def _obsolete(pusher, text):
    """Whatever is pushed, the pusher has another session by then."""

    def answer(batch):
        if batch.phase == "realtime" or batch.end:
            raise DriverError(f"Session {batch.session!r} is obsolete (419): {text}")

    pusher.answer = answer


def test_a_task_that_another_run_takes_over_again_and_again_ends_the_run(run, pusher):
    _obsolete(pusher, "another one was opened since")
    with pytest.raises(CheckFailed, match=r"gave up 2 sessions in a row.*stop the other run of task 't'"):
        run(lambda: False)
    assert len(pusher.sessions) == 2


def test_a_pusher_that_forgets_its_sessions_is_given_more_of_them(run, pusher):
    _obsolete(pusher, "it is not known here")
    with pytest.raises(CheckFailed, match=r"gave up 5 sessions"):
        run(lambda: False)
    assert len(pusher.sessions) == 5


def test_sessions_that_last_are_lost_without_a_limit(run, pusher):
    _obsolete(pusher, "another one was opened since")
    run(lambda: len(pusher.sessions) > 6, backoff_max_sec=0.000_001)


def test_a_heartbeat_that_says_so_counts_as_well(run, pusher):
    def answer(session):
        raise DriverError(f"Session {session!r} is obsolete: another one was opened")

    pusher.interval_sec = 0.01
    pusher.heartbeat_answer = answer
    with pytest.raises(CheckFailed, match=r"gave up 2 sessions"):
        run(lambda: False)


@pytest.mark.parametrize("suffix", [".lock", ".snapshot-due"])
def test_a_fifo_in_the_state_directory_is_named_and_blocks_nothing(suffix, tmp_path, source, pusher):
    options = _options(tmp_path)
    os.mkfifo(options.file(suffix))
    with pytest.raises(EnvironmentProblem):
        run_host(source, pusher, options, duration_sec=5)
