"""source-postgres under agent 0.8.17, seen through a sender that notes every batch."""

import pytest
from hosts.ends import Record, Table, new_server
from hosts.waiting import eventually

WAIT_SEC = 40

pytestmark = pytest.mark.hosts


def proves(what):
    return pytest.mark.proves("source-postgres", "agent 0.8.17", what)


class Line:
    """The agent, its table and what has arrived."""

    def __init__(self, agent, server):
        self.server, self.agent = server, agent
        self.table = Table(server)
        self.table.add(2_000)
        agent.configure(source=self.table.source, pipe={"error_retry_interval": 0.5, "audit_interval_sec": 2})
        self.start()

    def start(self):
        self.running = self.agent.start()
        self.record = Record(self.running)

    def arrives(self):
        """Wait until what has arrived is what is there."""
        same = lambda: self.table.picture(self.record.rows()) == self.table.look()  # noqa: E731 - used once
        assert eventually(same, WAIT_SEC), self.running.log()[-30:]


@pytest.fixture(scope="module")
def server():
    server = new_server()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def line(server, new_agent):
    """One agent for all tests of this module, each of which leaves it running."""
    made = Line(new_agent("0.8.17"), server)
    yield made
    made.running.stop()


@proves("the snapshot")
def test_the_snapshot_arrives(line):
    line.arrives()
    assert line.record.count("snapshot", is_end=True)


@proves("inserts, updates, changed keys, deletes, one transaction of 2,000 rows")
def test_changes_arrive_with_indexes_that_rise(line):
    line.arrives()
    line.table.add(2_000)
    line.table.change()
    line.arrives()
    indexes = line.record.indexes()
    assert indexes == sorted(set(indexes))


@proves("audits and their ends")
def test_an_audit_tells_what_is_there(line):
    line.arrives()
    ends = line.record.count("audit", is_end=True)
    assert eventually(lambda: line.record.count("audit", is_end=True) > ends + 1, WAIT_SEC), line.running.log()[-30:]
    line.arrives()


@proves("the server restarted, and killed, while the agent runs: no new snapshot, nothing twice")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_comes_back_is_followed_from_where_it_was(line, end):
    line.arrives()
    snapshots = line.record.count("snapshot", is_end=True)
    getattr(line.server, end)()
    line.server.start()
    line.table.change()
    line.arrives()
    assert line.record.count("snapshot", is_end=True) == snapshots
    indexes = line.record.indexes()
    assert indexes == sorted(set(indexes))


@proves("TRUNCATE")
def test_a_table_that_is_emptied_is_empty(line):
    line.arrives()
    line.table.empty()
    line.arrives()
    line.table.add(500)
    line.arrives()


@proves("changes while the agent is stopped, and while it is dead after `kill -9`")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_changes_while_the_agent_is_away_is_there_after_its_start(line, end):
    line.arrives()
    getattr(line.running, end)()
    line.table.change()
    line.start()
    line.arrives()
