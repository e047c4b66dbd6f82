"""Both pushers under agent 0.8.17, through the bridge: nothing is lost or doubled, whatever becomes of the agent."""

import pytest
from hosts.ends import FEW, Log, Table, Tables, Tree, new_server
from hosts.order import breaches
from hosts.waiting import eventually

HOST = "agent 0.8.17 with the bridge"
WAIT_SEC = 60
PAIRS = [(source, end) for source in (Tree, Table) for end in (Log, Tables)]
TO_A_SERVER = [pair for pair in PAIRS if Tables in pair]
KILLS = 3

pytestmark = pytest.mark.hosts


def bridged(pusher):
    """The sender that runs a pusher, which needs no attempts of its own here."""
    params = {"pusher": pusher["driver"], "retry_delay_sec": 0.2}
    return {"driver": "pusher", "endpoint": pusher["endpoint"], "driver_params": params}


class Line:
    """A source, a pusher and the agent between them."""

    def __init__(self, agent, source, end):
        self.agent, self.source, self.end = agent, source, end
        agent.configure(source=source.source, pusher=bridged(end.pusher), pipe={"audit_interval_sec": 1})
        self.start()

    def start(self):
        self.running = self.agent.start()

    def arrives(self):
        """Wait until what is stored is what is there."""
        same = lambda: self.source.picture(self.end.rows()) == self.source.look()  # noqa: E731 - used once
        assert eventually(same, WAIT_SEC), self.running.log()[-30:]


@pytest.fixture(scope="module")
def server():
    server = new_server()
    yield server
    server.remove()


def name_of(pair):
    return "-to-".join(end.driver for end in pair)


@pytest.fixture(scope="module", params=PAIRS, ids=name_of)
def line(request, server, new_agent, tmp_path_factory):
    """An agent that runs through all tests of one pair; each of them leaves it running."""
    folder, (source_class, end_class) = tmp_path_factory.mktemp("ends"), request.param
    source = Tree(folder) if source_class is Tree else Table(server)
    end = Log(folder) if end_class is Log else Tables(server)
    source.add(FEW * 5)
    made = Line(new_agent("0.8.17"), source, end)
    yield made
    made.running.stop()


def proves(what, *drivers):
    """Mark a test that proves something of these drivers, by default of both pushers."""

    def mark(test):
        for driver in drivers or ("pusher-fs", "pusher-postgres"):
            test = pytest.mark.proves(driver, HOST, what)(test)
        return test

    return mark


@proves("the snapshot")
def test_the_snapshot_is_stored_as_one(line):
    line.arrives()
    assert line.end.sources() == {"snapshot"}


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
        more = lambda before=before: line.end.audits() > before  # noqa: E731 - used once
        assert eventually(more, WAIT_SEC), line.running.log()[-30:]
    line.arrives()


@proves("changes around three times `kill -9`")
def test_a_killed_agent_finds_what_it_has_missed(line):
    for _ in range(KILLS):
        line.arrives()
        line.source.add(FEW)
        line.running.kill()
        line.source.change()
        line.start()
    line.arrives()


@proves("the server away for a while", "pusher-postgres")
@pytest.mark.parametrize("line", TO_A_SERVER, indirect=True, ids=name_of)
def test_what_happens_while_the_server_is_away_comes_when_it_is_back(line, server):
    line.arrives()
    server.stop()
    try:
        if isinstance(line.source, Tree):
            line.source.change()
            assert eventually(lambda: "is asked again" in "\n".join(line.running.log()), WAIT_SEC)
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
