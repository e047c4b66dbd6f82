"""A source, an agent, and what arrives at its other end."""

import pytest
from hosts.ends import FEW, Log, Table, Tables, Tree
from hosts.waiting import eventually
from tiers import longer

KILLS = 3
EVERY_PAIR = [(source, end) for source in (Tree, Table) for end in (Log, Tables)]
"""Both reference sources, each with both reference pushers."""
PAIRS = [pair if (Tree in pair) == (Tables in pair) else longer(pair) for pair in EVERY_PAIR]
"""The same; every landing runs each driver in one pair."""


def name_of(pair):
    return "-to-".join(end.driver for end in pair)


def proving(host, what, drivers):
    """Mark a test that proves something of these drivers under a host."""

    def mark(test):
        for driver in drivers:
            test = pytest.mark.proves(driver, host, what)(test)
        return test

    return mark


def ends_of(pair, folder, server):
    """A source with something in it, and the end of a pair."""
    source, end = (made(server) if made in (Table, Tables) else made(folder) for made in pair)
    source.add(FEW * 5)
    return source, end


class Line:
    """A source, an agent that runs, and the end."""

    wait_sec = 40

    def __init__(self, agent, source, end, **configured):
        self.agent, self.source, self.end = agent, source, end
        agent.configure(source=source.source, **configured)
        self.start()

    def start(self):
        self.running = self.agent.start()

    def comes_to(self, condition):
        """Wait until a condition holds."""
        assert eventually(condition, self.wait_sec), self.running.log()[-30:]

    def arrives(self):
        """Wait until what is stored is what is there."""
        self.comes_to(lambda: self.source.picture(self.end.rows()) == self.source.look())

    def survives_kills(self):
        """The agent dies again and again, while things change before and after."""
        for _ in range(KILLS):
            self.arrives()
            self.source.add(FEW)
            self.running.kill()
            self.source.change()
            self.start()
        self.arrives()
