"""What the guide host promises about sessions and their heartbeats."""

import threading

import pytest

from fustor_core.exceptions import DriverError, RetryableError
from fustor_driver.errors import CheckFailed, NotConformant
from fustor_event_model import MessageSource
from fustor_try.scripted import event, listing, raising

SNAPSHOT = MessageSource.SNAPSHOT


def _tried(pusher, path):
    return any(path in batch.paths for batch in pusher.tried)


def test_a_snapshot_that_breaks_off_starts_again_in_a_session_of_its_own(run, source, pusher):
    attempts = iter([True, False])

    def snapshot():
        yield event("/a", SNAPSHOT)
        if next(attempts):
            raise DriverError("Lost the connection")
        yield event("/b", SNAPSHOT)

    source.snapshot = snapshot
    run(pusher.ends)
    assert pusher.paths("snapshot", "session-1") == ["/a"]
    assert pusher.paths("snapshot", "session-2") == ["/a", "/b"]
    assert pusher.ends() == ["session-2"]


def test_a_pusher_that_asks_gets_a_new_session_with_a_new_snapshot(run, source, pusher):
    asked = []

    def answer(batch):
        if batch.paths == ("/wish",) and not asked:
            asked.append(batch)
            return {"success": True, "snapshot_needed": True}
        return None

    pusher.answer = answer
    source.snapshot = listing("/a")
    source.changes.put(event("/wish", index=1))
    run(lambda: "session-2" in pusher.ends())
    assert pusher.paths("snapshot", "session-2") == ["/a"]
    later = [batch.session for batch in pusher.taken[pusher.taken.index(asked[0]) :]]
    assert later == sorted(later), "nothing goes to a session that another one has replaced"


def test_a_pusher_that_never_waits_leaves_their_turn_to_the_snapshot_and_the_heartbeats(run, source, pusher):
    tick, heartbeats_before = threading.Event(), []

    def answer(batch):
        pushed = sum(tried.phase == "realtime" for tried in pusher.tried)
        while batch.phase == "realtime" and source.yielded < min(pushed + 2, 300):
            tick.wait(0.001)  # in the loop's thread, as a driver that writes to a disk: there is always a next one

    pusher.answer, pusher.interval_sec = answer, 0.001
    pusher.heartbeat_answer = lambda _: heartbeats_before.append(len(pusher.tried))
    source.snapshot = listing(*(f"/{at}" for at in range(20)))
    for at in range(300):
        source.changes.put(event("/busy", index=at + 1))
    run(lambda: len(pusher.paths("realtime")) == 300 and pusher.ends(), push_max_events=1)
    phases = [batch.phase for batch in pusher.tried]
    assert "snapshot" in phases[2:150]
    assert any(2 < pushed < 150 for pushed in heartbeats_before)


def test_heartbeats_go_on_while_a_stop_waits_for_what_was_read(run, source, pusher):
    heartbeats_before = []
    pusher.interval_sec = 0.001
    pusher.slow = {("/busy",): 0.001}
    pusher.heartbeat_answer = lambda _: heartbeats_before.append(len(pusher.tried))
    for at in range(200):
        source.changes.put(event("/busy", index=at + 1))
    run(lambda: source.yielded == 200, push_max_events=1)
    assert len(pusher.paths("realtime")) == 200
    assert heartbeats_before[-1] > 190


def test_no_session_begins_while_a_push_of_the_old_one_is_under_way(run, source, pusher):
    asked = []

    def answer(batch):
        if batch.paths == ("/wish",) and not asked:
            asked.append(batch)
            source.changes.put(event("/slow", index=1))
            return {"snapshot_needed": True}
        return None

    def snapshot():
        yield event("/wish", SNAPSHOT)
        while not asked or (len(pusher.sessions) == 1 and not _tried(pusher, "/slow")):
            threading.Event().wait(0.001)

    pusher.answer = answer
    pusher.slow = {("/slow",): 0.1}
    source.snapshot = snapshot
    run(lambda: "session-2" in pusher.ends())
    calls = [call for call in pusher.notes.calls if call.startswith(("session", "took"))]
    assert calls == ["session of t", "took ('/slow',)", "session of t"]


def test_a_batch_for_an_obsolete_session_is_repeated_in_the_next_one(run, source, pusher, tmp_path):
    pusher.answer = raising(
        DriverError("Session is obsolete"), lambda batch: batch.session == "session-1" and batch.phase == "realtime"
    )
    source.changes.put(event("/a", index=1))
    run(lambda: pusher.paths("realtime") and "session-2" in pusher.ends())
    assert pusher.paths("realtime", "session-2") == ["/a"]
    assert not (tmp_path / "t.dead-letters.jsonl").exists()


def test_a_heartbeat_keeps_every_session_alive_and_an_obsolete_one_is_renewed(run, pusher):
    pusher.interval_sec = 0.01
    pusher.heartbeat_answer = raising(
        DriverError("419: session is gone"), lambda session: session == "session-1" and pusher.ends()
    )
    run(lambda: pusher.heartbeats.count("session-2") > 2)
    assert pusher.heartbeats == sorted(pusher.heartbeats)
    assert pusher.sessions == ["session-1", "session-2"]


def test_heartbeats_that_fail_again_and_again_end_the_run(run, pusher):
    pusher.interval_sec = 0.001
    pusher.heartbeat_answer = raising(DriverError("No"))
    with pytest.raises(CheckFailed, match="failed 3 heartbeats"):
        run(lambda: False)


def test_a_session_with_a_snapshot_is_announced_before_realtime(run, source, pusher):
    source.changes.put(event("/a", index=1))
    run(lambda: pusher.ends() and pusher.paths("realtime"))
    assert (pusher.tried[0].phase, pusher.tried[0].paths, pusher.tried[0].end) == ("snapshot", (), False)


@pytest.mark.parametrize("answer", ["yes", {}, {"session_id": 3}])
def test_a_session_that_is_none_is_named(answer, run, pusher):
    pusher.session_answer = answer
    with pytest.raises(NotConformant, match="create_session answered"):
        run(lambda: False)


def test_a_session_is_asked_for_again_while_the_pusher_is_busy(run, pusher):
    failures = iter([RetryableError("starting"), RetryableError("starting")])

    def opening(_):
        if err := next(failures, None):
            raise err

    pusher.opening = opening
    assert run(pusher.ends).retries == 2
