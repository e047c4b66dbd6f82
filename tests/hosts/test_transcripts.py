"""The simulators are proved: what a released agent does to a driver that notes every call, its simulator does."""

import time
from pathlib import Path

import pytest
from hosts import traced
from hosts.transcripts import count, lanes, pauses_before_realtime, read, up_to
from hosts.waiting import eventually
from tiers import sampled

from fustor_conformance.agents import Agent02, Agent08, Pauses
from fustor_core.models.config import PusherConfig, SourceConfig

WAIT_SEC = 60
QUIET_SEC = 2
SESSIONS = 3
ERROR_SEC = 0.5
CONTROL_SEC = 0.95
"""A second, as a clock that is not the host's sees it."""

pytestmark = pytest.mark.hosts


def simulated_08(address, modes, every_sec):
    config = SourceConfig(driver="traced", uri=str(address), disabled=False, driver_params={"mode": modes["source"]})
    pauses = Pauses(audit_sec=every_sec, sentinel_sec=every_sec, backoff_sec=ERROR_SEC)
    sender = {"endpoint": str(address), "config": {"mode": modes["sender"]}}
    return Agent08(
        traced.TracedDriver,
        config,
        source_id="source",
        pauses=pauses,
        sender_class=traced.TracedSender,
        sender_config=sender,
    )


def simulated_02(address, modes):
    config = SourceConfig(driver="traced", uri=str(address), disabled=False, driver_params={"mode": modes["source"]})
    pusher = PusherConfig(driver="traced", endpoint=str(address), driver_params={"mode": modes["sender"]})
    return Agent02(traced.TracedDriver02, config, traced.TracedPusher, pusher, source_id="source", pusher_id="pusher")


def real(agent, driver, address, modes, every_sec=0):
    """Configure a released agent as the simulator is."""
    source = {"driver": driver, "uri": str(address), "driver_params": {"mode": modes["source"]}}
    pusher = {"driver": "traced", "endpoint": str(address), "driver_params": {"mode": modes["sender"]}}
    pipe = {"audit_interval_sec": every_sec, "sentinel_interval_sec": every_sec, "error_retry_interval": ERROR_SEC}
    agent.configure(source=source, pusher=pusher, pipe=pipe)
    address.unlink(missing_ok=True)  # what was noted so far belongs to the preparation


def audited(calls):
    return count(calls, "get_audit_iterator") > 1 and count(calls, "submit_sentinel_results") > 0


def plain_08(calls):
    return audited(calls) and count(calls, "send_events", source_type="job_complete") > 0


def sessions(number):
    return lambda calls: count(calls, "create_session") >= number


def quiet(*wanted):
    """After all that is wanted nothing more is to come, so that time must pass since the last call but heartbeats."""

    def is_quiet(calls):
        times = [call["at"] for call in calls if call["method"] != "heartbeat"]
        return all(any(map(one, calls)) for one in wanted) and time.monotonic() - times[-1] >= QUIET_SEC

    return is_quiet


def calls_of(method):
    """A function that says whether a call is of that method."""
    return lambda call: call["method"] == method


def pushes(phase):
    """A function that says whether a call pushes something of a phase; realtime has no name."""
    return lambda call: call["method"] == "push" and call["kwargs"].get("source_type") == phase


MODES_08 = {
    "plain": ({}, plain_08, 0),
    "the stream ends": ({"source": "ends"}, plain_08, 0),
    "the stream raises": ({"source": "raises"}, sessions(SESSIONS), SESSIONS),
    "the snapshot raises": ({"source": "snapraises"}, sessions(SESSIONS), SESSIONS),
    "the audit raises": ({"source": "auditraises"}, lambda calls: count(calls, "get_audit_iterator") > 1, 0),
    "discovery raises": ({"source": "nodiscovery"}, quiet(calls_of("get_available_fields raises")), 0),
    "nothing that is sent is taken": ({"source": "many", "sender": "pushfails"}, sessions(SESSIONS), SESSIONS),
    "a send raises": ({"source": "silent", "sender": "pushraises"}, sessions(SESSIONS), SESSIONS),
    "a heartbeat raises": (
        {"sender": "beatfails"},
        lambda calls: count(calls, "heartbeat") > 1 and audited(calls),
        None,
    ),
    "the receiver is away": ({"sender": "away"}, sessions(SESSIONS), SESSIONS),
}
"""Each with what breaks, when enough was seen, and how many sessions are compared; those are without audits."""


def compared(calls, number):
    return lanes(up_to(calls, "create_session", number) if number else calls)


@pytest.mark.parametrize("name", sampled(MODES_08))
def test_the_simulator_of_08_does_what_the_agent_does(name, new_agent, tmp_path):
    broken, is_enough, number = MODES_08[name]
    modes = {"source": "plain", "sender": "plain"} | broken
    agent, there, here = new_agent("0.8.17"), tmp_path / "real", tmp_path / "simulated"
    every_sec = 0 if number else 1
    real(agent, "traced", there, modes, every_sec)
    running = agent.start()
    try:
        assert eventually(lambda: is_enough(read(there)), WAIT_SEC), [*read(there)[-10:], *running.log()[-20:]]
    finally:
        running.stop()
    with simulated_08(here, modes, every_sec):
        assert eventually(lambda: is_enough(read(here)), WAIT_SEC), read(here)[-10:]
    assert compared(read(here), number) == compared(read(there), number)
    assert all(waited >= CONTROL_SEC for calls in (read(here), read(there)) for waited in pauses_before_realtime(calls))


def is_through_02(calls):
    return any(map(traced.ends_snapshot, calls)) and any(map(traced.pushes_realtime, calls))


MODES_02 = {
    "plain": ({}, lambda calls: is_through_02(calls) and count(calls, "heartbeat") > 1),
    "the stream ends": ({"source": "ends"}, is_through_02),
    "the stream raises": ({"source": "raises"}, quiet(calls_of("stream raises"))),
    "the snapshot raises": ({"source": "snapraises"}, quiet(calls_of("snapshot raises"), traced.pushes_realtime)),
    "a heartbeat raises": ({"sender": "beatfails"}, quiet(traced.ends_snapshot, traced.pushes_realtime)),
    "the receiver is away": ({"sender": "away"}, quiet(calls_of("create_session"))),
    "a push raises": ({"sender": "pushfails"}, quiet(pushes("snapshot"), pushes(None))),
}


@pytest.mark.parametrize("name", sampled(MODES_02))
def test_the_simulator_of_02_does_what_the_agent_does(name, new_agent, tmp_path):
    broken, is_enough = MODES_02[name]
    modes = {"source": "plain", "sender": "plain"} | broken
    agent, there, here = new_agent("0.2.16"), tmp_path / "real", tmp_path / "simulated"
    real(agent, "traced_02", there, modes)
    running = agent.start()
    try:
        begun = lambda: count(read(there), "create_session") > 0  # noqa: E731 - used once
        assert eventually(lambda: begun() and is_enough(read(there)), WAIT_SEC), running.log()[-20:]
    finally:
        running.stop()
    with simulated_02(here, modes):
        assert eventually(lambda: is_enough(read(here)), WAIT_SEC), read(here)[-10:]
    assert lanes(read(here)) == lanes(read(there))


def test_the_witness_imports_what_every_environment_has():
    assert "fustor_core" not in Path(traced.__file__).read_text()
