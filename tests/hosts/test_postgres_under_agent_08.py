"""source-postgres under agent 0.8.17, seen through a sender that notes every batch."""

import pytest
from hosts.ends import Record, Table
from hosts.lines import Line, proving

pytestmark = pytest.mark.hosts


def proves(what):
    return proving("agent 0.8.17", what, ("source-postgres",))


class RecordedLine(Line):
    """A line whose end is what the agent that runs now has sent."""

    def start(self):
        super().start()
        self.end = Record(self.running)


@pytest.fixture(scope="module")
def line(server, new_agent):
    """One agent for all tests of this module, each of which leaves it running."""
    table = Table(server)
    table.add(2_000)
    pipe = {"error_retry_interval": 0.5, "audit_interval_sec": 2}
    made = RecordedLine(new_agent("0.8.17"), table, None, pipe=pipe)
    yield made
    made.running.stop()


@proves("the snapshot")
def test_the_snapshot_arrives(line):
    line.arrives()
    assert line.end.count("snapshot", is_end=True)


@proves("inserts, updates, changed keys, deletes, one transaction of 2,000 rows")
def test_changes_arrive_with_indexes_that_rise(line):
    line.arrives()
    line.source.add(2_000)
    line.source.change()
    line.arrives()
    indexes = line.end.indexes()
    assert indexes == sorted(set(indexes))


@proves("audits and their ends")
def test_an_audit_tells_what_is_there(line):
    line.arrives()
    ends = line.end.count("audit", is_end=True)
    line.comes_to(lambda: line.end.count("audit", is_end=True) > ends + 1)
    line.arrives()


@proves("the server restarted, and killed, while the agent runs: no new snapshot, nothing twice")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_comes_back_is_followed_from_where_it_was(line, server, end):
    line.arrives()
    snapshots = line.end.count("snapshot", is_end=True)
    getattr(server, end)()
    server.start()
    line.source.change()
    line.arrives()
    assert line.end.count("snapshot", is_end=True) == snapshots
    indexes = line.end.indexes()
    assert indexes == sorted(set(indexes))


@proves("TRUNCATE")
def test_a_table_that_is_emptied_is_empty(line):
    line.arrives()
    line.source.empty()
    line.arrives()
    line.source.add(500)
    line.arrives()


@proves("changes while the agent is stopped, and while it is dead after `kill -9`")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_changes_while_the_agent_is_away_is_there_after_its_start(line, end):
    line.arrives()
    getattr(line.running, end)()
    line.source.change()
    line.start()
    line.arrives()
