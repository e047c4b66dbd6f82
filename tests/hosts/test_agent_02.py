"""Sources and pushers under agent 0.2.16: snapshot, realtime, and what a killed agent finds when it comes back."""

import pytest
from hosts.ends import FEW
from hosts.lines import PAIRS, Line, ends_of, name_of, proving

DRIVERS = ("source-fs", "source-postgres", "pusher-fs", "pusher-postgres")

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module", params=PAIRS, ids=name_of)
def line(request, server, new_agent, tmp_path_factory):
    """An agent that runs through all tests of one pair; each of them leaves it running."""
    source, end = ends_of(request.param, tmp_path_factory.mktemp("ends"), server)
    made = Line(new_agent("0.2.16"), source, end, pusher=end.pusher)
    yield made
    made.running.stop()


def all_of(what):
    """Mark a test that proves the same of both sources and both pushers."""
    return proving("agent 0.2.16", what, DRIVERS)


@all_of("the snapshot")
def test_the_snapshot_is_stored(line):
    line.arrives()
    assert "snapshot" in line.end.sources()


@all_of("changes, the first one after a start among them")
def test_changes_are_stored_from_the_first_one_on(line):
    line.arrives()
    # The agent pushes an event of its own, which takes the number of the source's first one.
    line.comes_to(lambda: any("' push latency" in text for text in line.running.log()))
    line.source.take_one()
    line.arrives()
    line.source.change()
    line.arrives()
    line.source.add(FEW)
    line.arrives()
    assert "realtime" in line.end.sources()


@all_of("changes around three times `kill -9`")
def test_a_killed_agent_finds_what_it_has_missed(line):
    line.survives_kills()
