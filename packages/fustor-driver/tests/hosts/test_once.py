"""A run that is to end: when it does, and what it has pushed by then."""

import asyncio
import threading

import pytest

from fustor_driver.commands._outcome import check_caught_up
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts import GuideHost, HostOptions
from fustor_driver.hosts.status import RunState
from fustor_event_model import MessageSource
from fustor_try.running import run_until
from fustor_try.scripted import ScriptedSource, event, scripted_source

SNAPSHOT = MessageSource.SNAPSHOT
LONG_SEC = 600.0


class Numbered(ScriptedSource):
    """Its newest position is that of the last event that was put in; asks what its capabilities allow."""

    capabilities = frozenset({"get_latest_position"})
    newest = 0
    late = ()
    """Told only after the source was asked how far it is."""

    def put(self, *changes):
        for change in changes:
            self.newest = max(self.newest, change.index)
            self.changes.put(change)

    def get_latest_position(self):
        late, self.late = self.late, ()
        newest = max([self.newest, *(change.index for change in late)])
        self.put(*late)
        return newest

    def get_message_iterator(self, start_position=-1, **kwargs):
        self.bounds = {name: kwargs[name] for name in ("end_position", "progress_interval") if name in kwargs}
        end = kwargs.get("end_position")
        events = super().get_message_iterator(start_position, **kwargs)
        return events if end is None else self._up_to(events, end)

    def _up_to(self, events, end):
        if self.newest >= end and self.changes.empty():
            return
        for change in events:
            yield change
            if change.index >= end:
                return


class Bounded(Numbered):
    capabilities = frozenset({"get_latest_position", "end_position"})


class Progressing(Numbered):
    capabilities = frozenset({"get_latest_position", "end_position", "progress_interval"})


@pytest.fixture
def run_once(pusher, tmp_path):
    """Run the host to its own end."""

    def run_once(source, **options):
        settings = {"task_id": "t", "state_dir": tmp_path, "once": True, "quiet_sec": LONG_SEC} | options
        host = GuideHost(source, pusher, HostOptions(**settings))
        asyncio.run(asyncio.wait_for(host.run(), 20))
        status = host.status()
        assert status.state is RunState.STOPPED
        check_caught_up(status)
        return status

    return run_once


def numbered(kind=Numbered):
    return kind("source", scripted_source().config)


def _while_listing(source, *changes):
    """A snapshot of /a, in the middle of which changes happen."""

    def snapshot():
        yield event("/a", SNAPSHOT)
        source.late = changes

    return snapshot


@pytest.mark.parametrize("kind", [Numbered, Bounded, Progressing])
def test_it_ends_when_what_came_during_the_snapshot_is_pushed(kind, run_once, pusher):
    source = numbered(kind)
    source.snapshot = _while_listing(source, *(event(f"/{at}", index=at) for at in (1, 2, 3)))
    source.available = {1, 2, 3}
    run_once(source)
    assert (pusher.paths("snapshot"), pusher.ends()) == (["/a"], ["session-1"])
    assert pusher.paths("realtime") == ["/1", "/2", "/3"]
    assert source.acknowledged[-1] == 3


def test_a_source_without_positions_has_caught_up_when_it_is_quiet(run_once, source, pusher):
    source.snapshot = lambda: iter([event("/a", SNAPSHOT)])
    source.changes.put(event("/b"))
    status = run_once(source, quiet_sec=0.1)
    assert (pusher.paths("snapshot"), pusher.paths("realtime")) == (["/a"], ["/b"])
    assert status.phases[MessageSource.AUDIT].runs == 0


def test_a_source_that_is_never_quiet_does_not_keep_the_run_alive(run_once, source, pusher):
    stop = threading.Event()

    def change():
        while not stop.wait(0.002):
            source.changes.put(event("/busy"))

    changing = threading.Thread(target=change)
    changing.start()
    try:
        run_once(source, quiet_sec=0.02)
    finally:
        stop.set()
        changing.join()
    assert pusher.paths("realtime")


@pytest.mark.parametrize("kind", [Numbered, Bounded, Progressing])
def test_from_an_index_that_can_be_resumed_it_pushes_what_came_since(kind, run_once, pusher, note_selection):
    source = numbered(kind)
    note_selection(source)
    pusher.committed = 7
    source.available = {7}
    source.put(event("/8", index=8), event("/9", index=9))
    status = run_once(source)
    assert (pusher.paths("realtime"), pusher.ends()) == (["/8", "/9"], [])
    assert (status.resumed_from, status.committed_index) == (7, 9)
    assert "snapshot" not in source.notes.calls


@pytest.mark.parametrize("kind", [Numbered, Bounded, Progressing])
def test_it_ends_at_once_where_nothing_came_since(kind, run_once, pusher, note_selection):
    source = numbered(kind)
    note_selection(source)
    pusher.committed = source.newest = 7
    source.available = {7}
    assert run_once(source).committed_index == 7
    assert pusher.taken == []


def test_a_stream_is_given_an_end_where_the_source_has_no_other_way_to_say_how_far_it_is(
    run_once, pusher, note_selection
):
    source = numbered(Bounded)
    note_selection(source)
    pusher.committed = 7
    source.available = {7}
    source.newest = 9  # what lies there is no event
    assert run_once(source).committed_index == 7
    assert source.bounds == {"end_position": 9}


def test_a_source_that_tells_of_progress_is_asked_to(run_once):
    source = numbered(Progressing)
    run_once(source, quiet_sec=0.02)
    assert source.bounds == {"progress_interval": 0.005}


def test_a_pusher_that_asks_for_another_snapshot_gets_it_before_the_end(run_once, pusher):
    source = numbered(Bounded)
    source.snapshot = lambda: iter([event("/a", SNAPSHOT)])
    answers = iter([{"success": True, "snapshot_needed": True}])
    pusher.answer = lambda batch: next(answers, None) if batch.paths == ("/a",) else None
    run_once(source, backoff_max_sec=0.01, quiet_sec=0.1)
    assert pusher.paths("snapshot", "session-2") == ["/a"]
    assert pusher.ends()[-1] == "session-2"


def test_a_run_whose_time_is_up_first_is_no_success(run, source, pusher):
    source.snapshot = lambda: iter([event("/a", SNAPSHOT)])
    status = run(pusher.ends, once=True, quiet_sec=LONG_SEC)
    with pytest.raises(CheckFailed, match="before everything was pushed"):
        check_caught_up(status)


def test_a_source_that_never_says_how_far_it_is_is_stopped_all_the_same(pusher, tmp_path):
    source, release, asked = numbered(), threading.Event(), threading.Event()

    def hang():
        asked.set()
        release.wait()

    source.get_latest_position = hang
    host = GuideHost(source, pusher, HostOptions(task_id="t", state_dir=tmp_path, once=True, stop_timeout_sec=30))
    try:
        run_until(host, asked.is_set, timeout_sec=5)
    finally:
        release.set()
    assert not host.status().caught_up
