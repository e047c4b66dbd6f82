"""What a pusher refuses is seen: in the log, in the status, and in how the run ends."""

import logging

import pytest

from fustor_core.exceptions import DriverError
from fustor_core.models.config import PusherConfig
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts import GuideHost, HostOptions
from fustor_try.running import run_until
from fustor_try.scripted import ScriptedPusher, event, listing, raising, scripted_source


def _warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_rows_that_the_pusher_set_aside_are_counted_and_logged_with_the_reason(run, source, pusher, caplog):
    pusher.answer = lambda batch: (
        {"refused_rows": 1, "refused_reason": "the path is too long"} if "/long" in batch.paths else None
    )
    source.snapshot = listing("/a", "/long")
    status = run(pusher.ends)
    assert (status.dead_letters, status.refused_deletions) == (1, 0)
    assert "the path is too long" in status.last_error
    assert [text for text in _warnings(caplog) if "set aside 1 of 2 snapshot rows" in text]


def test_deletions_that_the_guard_refused_are_counted_and_the_way_out_is_named(run, source, pusher, caplog):
    pusher.answer = lambda batch: {"refused_deletions": 1200} if batch.end else None
    source.snapshot = listing("/a")
    status = run(pusher.ends)
    assert (status.dead_letters, status.refused_deletions) == (0, 1200)
    assert [text for text in _warnings(caplog) if "1200 deletions" in text and "--allow-deletions" in text]


def test_a_snapshot_of_which_nothing_is_taken_has_no_end_and_ends_the_run(run, source, pusher):
    pusher.answer = lambda batch: (
        {"refused_rows": len(batch.paths), "refused_reason": "permission denied"} if batch.paths else None
    )
    source.snapshot = listing("/a", "/b")
    with pytest.raises(CheckFailed, match=r"refused the whole snapshot.*permission denied"):
        run(lambda: False)
    assert not pusher.ends()


def test_a_snapshot_whose_every_event_is_refused_ends_the_run(run, source, pusher):
    pusher.answer = raising(DriverError("no room for such rows"), lambda batch: batch.paths)
    source.snapshot = listing("/a", "/b")
    with pytest.raises(CheckFailed, match=r"whole snapshot.*no room for such rows"):
        run(lambda: False)
    assert not pusher.ends()


def test_a_snapshot_in_which_one_row_is_taken_goes_on(run, source, pusher):
    pusher.answer = lambda batch: {"refused_rows": len(batch.paths) - 1} if batch.paths else None
    source.snapshot = listing("/a", "/b", "/c")
    assert run(pusher.ends).dead_letters == 2


def test_a_long_stretch_in_which_everything_is_refused_ends_the_run(run, source, pusher):
    pusher.answer = lambda batch: (
        {"refused_rows": len(batch.paths), "refused_reason": "a trigger says no"} if batch.phase == "realtime" else None
    )
    for at in range(40):
        source.changes.put(event(f"/{at}", index=at + 1))
    with pytest.raises(CheckFailed, match=r"the last 30 rows .*a trigger says no"):
        run(lambda: False, max_refused_in_a_row=30, push_max_events=1)


def test_one_row_that_is_taken_begins_the_count_again(run, source, pusher):
    pusher.answer = lambda batch: {"refused_rows": 0 if batch.paths == ("/good",) else len(batch.paths)}
    for at in range(60):
        source.changes.put(event("/good" if at % 20 == 0 else f"/{at}", index=at + 1))
    status = run(lambda: len(pusher.paths("realtime")) == 60, max_refused_in_a_row=30, push_max_events=1)
    assert status.dead_letters == 57


@pytest.mark.parametrize("allowed", [False, True])
def test_the_permission_to_delete_reaches_every_push_of_the_run(allowed, tmp_path, source):
    class Asking(ScriptedPusher):
        async def push(self, events, **kwargs):
            seen.append(kwargs.get("allow_deletions"))
            return await super().push(events, **kwargs)

    seen = []
    pusher = Asking("pusher", _pusher_config())
    source.snapshot = listing("/a")
    options = HostOptions(task_id="t", state_dir=tmp_path, audit_interval_sec=0, allow_deletions=allowed)
    run_until(GuideHost(source, pusher, options), pusher.ends)
    assert len(seen) > 2
    assert set(seen) == {True if allowed else None}


def _pusher_config():
    return PusherConfig(driver="scripted", endpoint="x", retry_delay_sec=0.001)


def test_a_pusher_that_changes_what_it_gets_changes_nothing_that_is_acknowledged(tmp_path):
    class Meddling(ScriptedPusher):
        async def push(self, events, **kwargs):
            reply = await super().push(events, **kwargs)
            for one in events:
                one.index = 10**9
                one.rows = []
            events.clear()
            return reply

    source, pusher = scripted_source(), Meddling("pusher", _pusher_config())
    for at in range(3):
        source.changes.put(event(f"/{at}", index=at + 1))
    host = GuideHost(source, pusher, HostOptions(task_id="t", state_dir=tmp_path, audit_interval_sec=0))
    run_until(host, lambda: 3 in source.acknowledged and pusher.ends())
    status = host.status()
    assert max(source.acknowledged) == 3
    assert (status.committed_index, status.phases["realtime"].last_index, status.phases["realtime"].rows) == (3, 3, 3)
