"""Sources and pushers under agent 0.2.16: snapshot, realtime, and what a killed agent finds when it comes back."""

import pytest
from hosts.ends import FEW, Log, Table, Tables, Tree, new_server
from hosts.waiting import eventually

HOST = "agent 0.2.16"
WAIT_SEC = 40
PAIRS = [(source, end) for source in (Tree, Table) for end in (Log, Tables)]
KILLS = 3

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def server():
    server = new_server()
    yield server
    server.remove()


class Line:
    """A source, a pusher and the agent between them."""

    def __init__(self, agent, source, end):
        self.agent, self.source, self.end = agent, source, end
        agent.configure(source=source.source, pusher=end.pusher)
        self.start()

    def start(self):
        self.running = self.agent.start()

    def arrives(self):
        """Wait until what is stored is what is there."""
        same = lambda: self.source.picture(self.end.rows()) == self.source.look()  # noqa: E731 - used once
        assert eventually(same, WAIT_SEC), self.running.log()[-30:]

    def is_triggered(self):
        """Wait until the agent has pushed an event of its own, which takes the number of the source's first one."""
        pushed = lambda: any("' push latency" in line for line in self.running.log())  # noqa: E731 - used once
        assert eventually(pushed, WAIT_SEC), self.running.log()[-30:]


@pytest.fixture(scope="module", params=PAIRS, ids=lambda pair: f"{pair[0].driver}-to-{pair[1].driver}")
def line(request, server, new_agent, tmp_path_factory):
    """An agent that runs through all tests of one pair; each of them leaves it running."""
    folder, (source_class, end_class) = tmp_path_factory.mktemp("ends"), request.param
    source = Tree(folder) if source_class is Tree else Table(server)
    end = Log(folder) if end_class is Log else Tables(server)
    source.add(FEW * 5)
    made = Line(new_agent("0.2.16"), source, end)
    yield made
    made.running.stop()


def all_of(what):
    """Mark a test that proves the same of both sources and both pushers."""

    def mark(test):
        for driver in ("source-fs", "source-postgres", "pusher-fs", "pusher-postgres"):
            test = pytest.mark.proves(driver, HOST, what)(test)
        return test

    return mark


@all_of("the snapshot")
def test_the_snapshot_is_stored(line):
    line.arrives()
    assert "snapshot" in line.end.sources()


@all_of("changes, the first one after a start among them")
def test_changes_are_stored_from_the_first_one_on(line):
    line.arrives()
    line.is_triggered()
    line.source.take_one()
    line.arrives()
    line.source.change()
    line.arrives()
    line.source.add(FEW)
    line.arrives()
    assert "realtime" in line.end.sources()


@all_of("changes around three times `kill -9`")
def test_a_killed_agent_finds_what_it_has_missed(line):
    for _ in range(KILLS):
        line.arrives()
        line.source.add(FEW)
        line.running.kill()
        line.source.change()
        line.start()
    line.arrives()
