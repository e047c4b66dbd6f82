"""What the guide host promises about positions, pushes and stops."""

import json
import threading

import pytest

from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from fustor_driver.commands._outcome import check_outcome
from fustor_driver.errors import CheckFailed, NotConformant
from fustor_driver.event_files import read_events
from fustor_driver.hosts import GuideHost, HostOptions, run_host
from fustor_driver.hosts.status import RunState
from fustor_event_model import MessageSource
from fustor_try.running import run_until
from fustor_try.scripted import event, listing, raising, scripted_source

SNAPSHOT = MessageSource.SNAPSHOT


def test_the_stream_is_armed_before_the_snapshot_is_asked_for(run, source, pusher):
    source.notes = pusher.notes
    source.snapshot = listing("/a")
    run(pusher.ends)
    assert pusher.notes.calls[:4] == ["session of t", "committed", "realtime from -1", "snapshot"]
    assert pusher.paths("snapshot") == ["/a"]
    assert pusher.ends() == ["session-1"]


def test_a_committed_index_that_is_available_is_resumed_without_a_snapshot(run, source, pusher, note_selection):
    note_selection()
    pusher.committed = 7
    source.available = {7}
    source.changes.put(event("/a", index=8))
    status = run(lambda: pusher.paths("realtime"))
    assert source.notes.calls == ["realtime from 7"]
    assert source.acknowledged == [7, 8]
    assert (status.resumed_from, status.committed_index) == (7, 8)
    assert not pusher.ends()


def test_a_run_that_is_to_begin_anew_resumes_nothing(run, source, pusher, note_selection):
    note_selection()
    pusher.committed = 7
    source.available = {7}
    source.snapshot = listing("/a")
    status = run(pusher.ends, full_refresh=True)
    assert source.notes.calls == ["realtime from -1", "snapshot"]
    assert (status.resumed_from, pusher.paths("snapshot")) == (-1, ["/a"])


@pytest.mark.parametrize("committed", [-1, 0, 7])
def test_an_index_that_cannot_be_resumed_starts_from_now_with_a_snapshot(committed, run, source, pusher):
    pusher.committed = committed
    run(pusher.ends)
    assert source.notes.calls == ["realtime from -1", "snapshot"]


def test_an_event_is_acknowledged_only_when_its_push_has_returned(run, source, pusher):
    acknowledged_at_push = []

    def answer(batch):
        if batch.paths:
            acknowledged_at_push.extend(source.acknowledged)

    pusher.answer = answer
    source.changes.put(event("/a", index=5))
    run(lambda: source.acknowledged and pusher.ends())
    assert acknowledged_at_push == []
    assert source.acknowledged == [5]


def test_a_batch_is_repeated_until_it_is_through_and_nothing_overtakes_it(run, source, pusher):
    failures = iter([True, True])
    pusher.answer = raising(RetryableError("busy"), lambda batch: batch.phase == "realtime" and next(failures, False))
    for at in range(5):
        source.changes.put(event(f"/{at}", index=at + 1))
    status = run(lambda: len(pusher.paths("realtime")) == 5, push_max_events=2)
    realtime = [batch.paths for batch in pusher.tried if batch.phase == "realtime"]
    assert realtime[0] == realtime[1] == realtime[2]
    assert pusher.paths("realtime") == [f"/{at}" for at in range(5)]
    assert status.retries == 2


def test_an_answer_without_success_is_no_success(run, source, pusher):
    answers = iter([{"success": False}, {"success": True}])
    pusher.answer = lambda batch: next(answers) if batch.paths == ("/a",) else None
    source.changes.put(event("/a", index=1))
    run(lambda: pusher.paths("realtime"))
    assert [batch.paths for batch in pusher.tried if batch.phase == "realtime"] == [("/a",), ("/a",)]


@pytest.mark.parametrize(("attempts", "said"), [(3, "failed 3 times: gone"), (1, "failed 1 time: gone")])
def test_a_pusher_that_stays_away_ends_the_run_after_max_retries_attempts(run, pusher, attempts, said):
    pusher.answer = raising(RetryableError("gone"))
    pusher.config = pusher.config.model_copy(update={"max_retries": attempts})
    with pytest.raises(CheckFailed, match=said):
        run(lambda: False)
    assert len(pusher.tried) == attempts
    assert pusher.closed


def test_a_run_that_stops_before_a_push_was_through_is_aborted(run, source, pusher):
    pusher.answer = raising(RetryableError("busy"), lambda batch: batch.paths == ("/a",))
    source.changes.put(event("/a", index=1))
    pusher.config = pusher.config.model_copy(update={"retry_delay_sec": 60.0})
    status = run(lambda: ("/a",) in [batch.paths for batch in pusher.tried])
    assert status.state is RunState.ABORTED
    with pytest.raises(CheckFailed, match="busy"):
        check_outcome(status)


def test_a_pusher_that_gives_no_session_in_the_time_makes_no_success(run, pusher):
    asked = []

    def create(task_id, **_):
        asked.append(task_id)
        raise RetryableError("starting")

    pusher.create_session = create
    pusher.config = pusher.config.model_copy(update={"retry_delay_sec": 60.0})
    status = run(lambda: asked)
    with pytest.raises(CheckFailed, match="no session in the time of this run: starting"):
        check_outcome(status)


@pytest.mark.parametrize("answer", [None, "7", 1.5, True])
def test_a_committed_index_that_is_no_integer_is_named(answer, run, pusher):
    pusher.committed = answer
    with pytest.raises(NotConformant, match="get_latest_committed_index answered"):
        run(lambda: False)


@pytest.mark.parametrize(("field", "value"), [("index", "5"), ("index", 1.5), ("message_source", "realtime")])
def test_an_event_whose_fields_have_other_types_is_named(field, value, run, source):
    change = event("/a", index=1)
    setattr(change, field, value)
    source.changes.put(change)
    with pytest.raises(NotConformant, match=f"an event with the {field}"):
        run(lambda: False)


def test_what_the_pusher_refuses_for_good_is_kept_and_the_rest_goes_through(run, source, pusher, tmp_path):
    pusher.answer = raising(DriverError("'/bad' cannot be kept"), lambda batch: "/bad" in batch.paths)
    source.snapshot = listing("/a", "/b", "/bad", "/c", "/d")
    source.changes.put(event("/bad", index=1))
    source.changes.put(event("/e", index=2))
    status = run(lambda: pusher.ends() and pusher.paths("realtime"))
    assert pusher.paths("snapshot") == ["/a", "/b", "/c", "/d"]
    assert pusher.paths("realtime") == ["/e"]
    assert status.dead_letters == 2
    file = tmp_path / "t.dead-letters.jsonl"
    letters = [json.loads(line) for line in file.read_text().splitlines()]
    assert {letter["reason"] for letter in letters} == {"'/bad' cannot be kept"}
    assert [row["path"] for kept in read_events(file) for row in kept.rows] == ["/bad", "/bad"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_configuration_error_of_the_pusher_ends_the_run(run, source, pusher, tmp_path):
    pusher.answer = raising(ConfigError("No such table"), lambda batch: batch.paths)
    source.changes.put(event("/a", index=1))
    with pytest.raises(ConfigError, match="No such table"):
        run(lambda: False)
    assert not (tmp_path / "t.dead-letters.jsonl").exists()


def test_a_snapshot_that_never_comes_to_its_end_ends_the_run(run, source, pusher):
    def snapshot():
        raise DriverError("Lost the connection")
        yield

    source.snapshot = snapshot
    with pytest.raises(CheckFailed, match="No complete snapshot in 3 attempts"):
        run(lambda: False)
    assert not pusher.ends()


def test_a_snapshot_that_the_configuration_forbids_is_tried_once(run, source, pusher):
    def snapshot():
        raise ConfigError("The patterns leave out every file")
        yield

    source.snapshot = snapshot
    with pytest.raises(CheckFailed, match="No complete snapshot: The patterns"):
        run(lambda: False)
    assert not pusher.ends()


def test_a_snapshot_that_was_stopped_has_no_end(run, source, pusher):
    """Not even if the source takes the stop for a normal end."""

    def snapshot():
        yield event("/a", SNAPSHOT)
        source.snapshot_stop.wait()

    source.snapshot = snapshot
    run(lambda: pusher.paths("snapshot"))
    assert not pusher.ends()


def test_an_unfinished_snapshot_is_taken_again_whatever_index_is_committed(run, source, pusher):
    """Realtime of the session moved the pusher's index on, so after a crash it would look complete."""

    def snapshot():
        yield event("/a", SNAPSHOT)
        source.snapshot_stop.wait()
        raise DriverError("Stopped")

    source.snapshot = snapshot
    run(lambda: pusher.paths("snapshot"))
    pusher.committed, source.available = 9, {9}
    source.snapshot = listing("/a", "/b")
    run(pusher.ends)
    assert pusher.paths("snapshot", "session-2") == ["/a", "/b"]
    source.notes.calls.clear()
    source.changes.put(event("/c", index=10))
    run(lambda: "/c" in pusher.paths("realtime"))
    assert source.notes.calls == ["realtime from 9"], "a complete one is not"


def test_a_stream_that_ends_by_itself_is_named(run, source, pusher):
    source.changes.put(event("/a", index=1))
    source.changes.put(None)
    with pytest.raises(NotConformant, match="ended by itself"):
        run(lambda: False)
    assert pusher.paths("realtime") == ["/a"], "what came before is pushed"


def test_a_stream_that_cannot_go_on_ends_the_run_after_what_came_before(run, source, pusher):
    source.changes.put(event("/a", index=1))
    source.changes.put(DriverError("The disk is gone"))
    with pytest.raises(DriverError, match="The disk is gone"):
        run(lambda: False)
    assert pusher.paths("realtime") == ["/a"]
    assert source.closed.is_set()


def test_a_slow_pusher_costs_no_more_than_the_queue(tmp_path, pusher):
    source = scripted_source(max_queue_size=5)
    seen = []

    def answer(batch):
        if batch.phase == "realtime":
            threading.Event().wait(0.02)
            seen.append(source.yielded - len(pusher.paths("realtime")) - len(batch.paths))

    pusher.answer = answer
    for at in range(100):
        source.changes.put(event(f"/{at}", index=at + 1))
    host = GuideHost(source, pusher, HostOptions(task_id="t", state_dir=tmp_path, push_max_events=5))
    run_until(host, lambda: len(pusher.paths("realtime")) == 100)
    assert max(seen) <= 6
    assert pusher.paths("realtime") == [f"/{at}" for at in range(100)]


def test_a_graceful_stop_pushes_what_was_read(run, source, pusher):
    for at in range(50):
        source.changes.put(event(f"/{at}", index=at + 1))
    run(lambda: source.yielded >= 20, push_max_events=1)
    assert len(pusher.paths("realtime")) == source.yielded
    assert source.acknowledged[-1] == source.yielded
    assert pusher.closed


def test_a_stop_does_not_wait_for_ever(run, source, pusher):
    pusher.answer = raising(RetryableError("busy"), lambda batch: batch.phase == "realtime")
    pusher.config = pusher.config.model_copy(update={"retry_delay_sec": 60.0})
    source.changes.put(event("/a", index=1))
    run(lambda: any(batch.phase == "realtime" for batch in pusher.tried), stop_timeout_sec=5)
    assert not pusher.paths("realtime")
    assert source.acknowledged == []


def test_an_error_whose_text_cannot_be_made_leaves_no_run_as_running(source, pusher, tmp_path):
    class UnspeakableError(Exception):
        def __str__(self):
            raise ValueError("no text")

    pusher.answer = raising(UnspeakableError)
    seen = []
    with pytest.raises(UnspeakableError):
        run_host(source, pusher, HostOptions(task_id="t", state_dir=tmp_path), look=seen.append)
    assert seen[-1].state is RunState.FAILED
    assert "UnspeakableError" in seen[-1].last_error
    assert pusher.closed
