"""The simulators do what the transcripts of the released agents show."""

import pytest
from faulty import drivers

from fustor_conformance.agents import Agent02, Agent08, Pauses, Receiver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_event_model import MessageSource
from fustor_try import running
from fustor_try.lines_pusher import LinesDriver
from fustor_try.log_source import LogDriver

SNAPSHOT, REALTIME = MessageSource.SNAPSHOT, MessageSource.REALTIME
QUICK = Pauses(control_sec=0.05, backoff_sec=0.01)


def _config(log, **changes):
    return SourceConfig(driver="try_log", uri=str(log.log), **changes)


def _fill(log, count):
    for at in range(count):
        log.append("upsert", f"/{at}", at)


def _triggered(seen):
    return any(event.table == "initial_trigger" for event in seen.events())


def _paths(events):
    return [row["path"] for event in events for row in event.rows]


def test_agent02_calls_a_source_as_the_transcript_shows(log):
    _fill(log, 250)
    with Agent02(LogDriver, _config(log)) as agent:
        assert agent.wait_for(lambda seen: seen.snapshots_ended and seen.events(REALTIME))
    seen = agent.transcript
    names = [call.method for call in seen.calls if call.method not in ("push", "heartbeat", "pusher.close")]
    assert names == [
        "get_needed_fields",
        "__init__",
        "__init__",
        "create_session",
        "get_latest_committed_index",
        "__init__",
        "is_position_available",
        "get_message_iterator",
        "get_snapshot_iterator",
        "close",
    ]
    threads = {call.method: call.thread for call in seen.calls}
    assert threads["get_message_iterator"] != threads["get_snapshot_iterator"] != threads["create_session"]
    assert [len(delivery.events) for delivery in seen.deliveries if delivery.phase is SNAPSHOT] == [1, 1, 1, 0]
    assert _paths(seen.events(SNAPSHOT)) == [f"/{at}" for at in range(250)]
    assert not seen.failures
    assert not seen.leaked_threads


def test_agent02_sends_a_trigger_and_no_source_type_with_realtime(log):
    with Agent02(LogDriver, _config(log)) as agent:
        assert agent.wait_for(_triggered)
        log.append("upsert", "/a", 1)
        assert agent.wait_for(lambda seen: "/a" in _paths(seen.events()))
    realtime = [delivery for delivery in agent.transcript.deliveries if delivery.events and not delivery.source_type]
    assert realtime[0].events[0].rows == []
    pushes = [call.kwargs for call in agent.transcript.calls if call.method == "push"]
    assert all("source_type" not in kwargs for kwargs in pushes if kwargs.get("is_snapshot_end") is False)


def test_agent02_swallows_the_first_event_of_a_source_without_positions(log):
    """A fault of the agent: its trigger commits the number that the bus gives to the first event."""
    with Agent02(LogDriver, _config(log, driver_params={"transient": True})) as agent:
        assert agent.wait_for(_triggered)
        for name in ("/a", "/b"):
            log.append("upsert", name, 1)
        assert agent.wait_for(lambda seen: "/b" in _paths(seen.events()))
    seen = agent.transcript
    assert _paths(seen.swallowed_by_host) == ["/a"]
    assert not seen.lost


def test_agent02_resumes_a_pusher_that_has_committed(log, tmp_path):
    _fill(log, 10)
    config = PusherConfig(driver="try_lines", endpoint=str(tmp_path))
    for run in (1, 2):
        with Agent02(LogDriver, _config(log), LinesDriver, config) as agent:
            _fill(log, 10)
            assert agent.wait_for(lambda seen: len(_paths(seen.events(REALTIME))) >= 10)
            assert run > 1 or agent.wait_for(lambda seen: seen.snapshots_ended == 1)
    assert "get_snapshot_iterator" not in agent.transcript.methods()
    position = next(call for call in agent.transcript.calls if call.method == "get_message_iterator")
    assert position.kwargs["start_position"] >= 10


def test_agent08_calls_a_source_as_the_transcript_shows(log):
    _fill(log, 250)
    with Agent08(LogDriver, _config(log), pauses=QUICK) as agent:
        assert agent.wait_for(lambda seen: seen.snapshots_ended)
        log.append("upsert", "/new", 1)
        assert agent.wait_for(lambda seen: "/new" in _paths(seen.events(REALTIME)))
        agent.audit()
        assert agent.wait_for(lambda seen: seen.audits_ended)
    seen = agent.transcript
    assert [name for name in seen.methods() if not name.startswith("sender.")] == [
        "__init__",
        "is_position_available",
        "get_message_iterator",
        "get_available_fields",
        "get_snapshot_iterator",
        "get_audit_iterator",
        "close",
    ]
    calls = {call.method: call for call in seen.calls}
    assert calls["is_position_available"].args == (0,)
    assert calls["get_message_iterator"].kwargs["start_position"] == -1
    assert calls["get_snapshot_iterator"].kwargs == {}
    assert [delivery.is_end for delivery in seen.deliveries if delivery.phase is SNAPSHOT] == [True, True]
    assert seen.deliveries[-1].is_end
    assert not seen.failures


@pytest.mark.parametrize("agent_class", [Agent02, Agent08])
@pytest.mark.parametrize(
    ("fault", "failure"),
    [("no_stop_event", "bus: AttributeError"), ("asks_tracker", "bus: AttributeError"), ("raises", "bus: DriverError")],
)
def test_a_broken_stream_fails_the_bus(agent_class, fault, failure, log):
    with agent_class(drivers[fault], _config(log)) as agent:
        log.append("upsert", "/a", 1)
        assert agent.wait_for(lambda seen: any(text.startswith(failure) for text in seen.failures))


@pytest.mark.parametrize("agent_class", [Agent02, Agent08])
@pytest.mark.parametrize("fault", ["same_index", "falling_index"])
def test_an_index_that_does_not_grow_is_lost_in_silence(agent_class, fault, log):
    quick = {"pauses": QUICK} if agent_class is Agent08 else {}
    with agent_class(drivers[fault], _config(log), **quick) as agent:
        assert agent.wait_for(lambda seen: seen.snapshots_ended)
        assert agent_class is Agent08 or agent.wait_for(_triggered)
        log.append("upsert", "/first", 0)
        assert agent.wait_for(lambda seen: "/first" in _paths(seen.events()))
        _fill(log, 20)
        assert agent.wait_for(lambda seen: len(seen.lost) == 20)
    assert _paths(agent.transcript.events())[-1] == "/first"
    assert not agent.transcript.failures


def test_a_transient_source_that_meets_a_full_bus_breaks_it(log):
    config = _config(log, driver_params={"transient": True}, max_queue_size=1)
    receiver = Receiver()
    receiver.away.set()  # so nothing reads the bus
    with Agent08(LogDriver, config, pauses=QUICK, receiver=receiver) as agent:
        _fill(log, 20)
        assert agent.wait_for(lambda seen: any("full" in text for text in seen.failures))
        receiver.away.clear()
        again = lambda seen: seen.methods().count("get_snapshot_iterator") > 2  # noqa: E731 - said once, used once
        assert agent.wait_for(again), "agent 0.8 begins another snapshot after every failure"


def test_agent08_reads_the_bus_a_second_after_the_session_began(log):
    """Until then a full bus waits, and that of a transient source breaks, however quick the receiver is."""
    config = _config(log, driver_params={"transient": True}, max_queue_size=5)
    with Agent08(LogDriver, config) as agent:
        _fill(log, 20)
        assert agent.wait_for(lambda seen: any("full" in text for text in seen.failures))


def test_agent08_makes_no_session_while_the_receiver_is_away_and_loses_nothing(log):
    receiver = Receiver()
    receiver.away.set()
    with Agent08(LogDriver, _config(log, max_queue_size=5), pauses=QUICK, receiver=receiver) as agent:
        _fill(log, 20)
        tried = lambda seen: seen.methods().count("sender.create_session") > 2  # noqa: E731 - said once, used once
        assert agent.wait_for(tried)
        assert "get_snapshot_iterator" not in agent.transcript.methods()
        receiver.away.clear()
        assert agent.wait_for(lambda seen: len(_paths(seen.events(REALTIME))) == 20)


@pytest.mark.wide
def test_agent08_sends_a_batch_again_that_was_not_taken(log):
    receiver = Receiver()
    with Agent08(LogDriver, _config(log), pauses=QUICK, receiver=receiver) as agent:
        assert agent.wait_for(lambda seen: seen.snapshots_ended)
        receiver.away.set()
        _fill(log, 1)
        sends = lambda seen: [call for call in seen.calls if call.kwargs.get("source_type") == "message"]  # noqa: E731
        assert agent.wait_for(lambda seen: len(sends(seen)) > 1)
        receiver.away.clear()
        assert agent.wait_for(lambda seen: _paths(seen.events(REALTIME)) == ["/0"])


@pytest.mark.parametrize("fault", ["log", "answering"])
def test_agent08_asks_for_checks_and_scans_of_a_driver_that_has_them(log, fault):
    receiver = Receiver(
        tasks=[{"type": "suspect_check", "paths": ["/a"]}], commands=[{"type": "scan", "path": "/a", "job_id": "j"}]
    )
    with Agent08(drivers[fault], _config(log), pauses=Pauses(sentinel_sec=0.05), receiver=receiver) as agent:
        answered = lambda seen: [call for call in seen.calls if call.kwargs.get("source_type") == "job_complete"]  # noqa: E731
        assert agent.wait_for(lambda seen: bool(answered(seen)) and not receiver.tasks)
        assert answered(agent.transcript)[0].kwargs["metadata"] == {"scan_path": "/a", "job_id": "j"}
        if fault == "answering":
            assert agent.wait_for(lambda seen: "sender.submit_sentinel_results" in seen.methods())
    methods = agent.transcript.methods()
    asked = {"perform_sentinel_check", "scan_path"} & set(methods)
    assert asked == ({"perform_sentinel_check", "scan_path"} if fault == "answering" else set())


def test_agent08_gives_up_for_good_when_discovery_raises(log):
    with Agent08(drivers["no_discovery"], _config(log)) as agent:
        assert agent.wait_for(lambda seen: any(text.startswith("discovery") for text in seen.failures))
    assert "get_snapshot_iterator" not in agent.transcript.methods()


def test_agent08_owns_the_audit_cache_and_ends_an_audit_that_broke_off(log):
    with Agent08(drivers["caching"], _config(log), pauses=QUICK) as agent:
        assert agent.wait_for(lambda seen: seen.snapshots_ended)
        for count in (1, 2):
            agent.audit()
            assert agent.wait_for(lambda seen, count=count: seen.audits_ended == count)
    caches = [call.kwargs["mtime_cache"] for call in agent.transcript.calls if call.method == "get_audit_iterator"]
    assert caches == [{}, {"/": 1.0}]
    assert any(text.startswith("audit: DriverError") for text in agent.transcript.failures)


def test_agent08_closes_the_driver_before_it_stops_the_stream(log):
    with Agent08(drivers["deaf"], _config(log)) as agent:
        pass
    assert agent.transcript.leaked_threads == ()
    assert drivers["deaf"].ended_by == "close"


def test_a_stream_that_ignores_its_end_is_named(log):
    with Agent02(drivers["deaf"], _config(log), join_sec=0.1) as agent:
        pass
    assert agent.transcript.leaked_threads == ("bus-producer",)
    drivers["deaf"].release()


def test_the_log_world_is_what_the_snapshot_tells(log):
    _fill(log, 5)
    assert set(running.log_source(log.log).present()) == {f"/{at}" for at in range(5)}
