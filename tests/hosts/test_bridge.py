"""Both pushers under agent 0.8.17, through the bridge: nothing is lost or doubled, whatever becomes of the agent."""

import pytest
from hosts.ends import FEW, Log, Tables, Tree
from hosts.lines import EVERY_PAIR, PAIRS, Line, ends_of, name_of, proving
from hosts.order import breaches

TO_A_SERVER = [pair for pair in EVERY_PAIR if Tables in pair]

pytestmark = pytest.mark.hosts


def bridged(pusher):
    """The sender that runs a pusher, which needs no attempts of its own here."""
    params = {"pusher": pusher["driver"], "retry_delay_sec": 0.2}
    return {"driver": "pusher", "endpoint": pusher["endpoint"], "driver_params": params}


class BridgedLine(Line):
    wait_sec = 60


@pytest.fixture(scope="module", params=PAIRS, ids=name_of)
def line(request, server, new_agent, tmp_path_factory):
    """An agent that runs through all tests of one pair; each of them leaves it running."""
    source, end = ends_of(request.param, tmp_path_factory.mktemp("ends"), server)
    made = BridgedLine(new_agent("0.8.17"), source, end, pusher=bridged(end.pusher), pipe={"audit_interval_sec": 1})
    yield made
    made.running.stop()


def proves(what, *drivers):
    """Mark a test that proves something of these drivers, by default of both pushers."""
    return proving("agent 0.8.17 with the bridge", what, drivers or ("pusher-fs", "pusher-postgres"))


@pytest.fixture(params=PAIRS, ids=name_of)
def line_without_audits(request, server, new_agent, tmp_path):
    """An agent that makes no audit, which would take the snapshot's word for what it finds the same."""
    source, end = ends_of(request.param, tmp_path, server)
    made = BridgedLine(new_agent("0.8.17"), source, end, pusher=bridged(end.pusher), pipe={"audit_interval_sec": 0})
    yield made
    made.running.stop()


@proves("the snapshot")
def test_the_snapshot_is_stored_as_one(line_without_audits):
    line_without_audits.arrives()
    assert line_without_audits.end.sources() == {"snapshot"}


@proves("changes")
def test_changes_are_stored_as_realtime(line):
    line.arrives()
    line.source.change()
    line.arrives()
    line.source.add(FEW)
    line.arrives()
    assert "realtime" in line.end.sources()


@proves("audits, and changes while they run")
def test_audits_come_to_their_ends(line):
    line.arrives()
    for _ in range(3):
        before = line.end.audits()
        line.source.change()
        line.comes_to(lambda before=before: line.end.audits() > before)
    line.arrives()


@proves("changes around three times `kill -9`")
def test_a_killed_agent_finds_what_it_has_missed(line):
    line.survives_kills()


@proves("the server away for a while", "pusher-postgres")
@pytest.mark.parametrize("line", TO_A_SERVER, indirect=True, ids=name_of)
def test_what_happens_while_the_server_is_away_comes_when_it_is_back(line, server):
    line.arrives()
    server.stop()
    try:
        if isinstance(line.source, Tree):
            line.source.change()
            line.comes_to(lambda: "is asked again" in "\n".join(line.running.log()))
    finally:
        server.start()
    line.source.change()
    line.arrives()


@proves("the order of every session")
def test_nothing_came_twice_or_out_of_order(line):
    line.arrives()
    if isinstance(line.end, Log):
        assert breaches(line.end.batches()) == []
    paths = [row["path"] for row in line.end.rows()]
    assert len(paths) == len(set(paths))
