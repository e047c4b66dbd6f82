"""Whoever is killed, and whenever: what was pushed is there once, and nothing else is."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Event

import psycopg2
import pytest

from fustor_testing_postgres import Server

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode leaves it alone

from worker import state

WORKER = Path(__file__).with_name("worker.py")
STEPS_A_ROUND = 40
pytestmark = [pytest.mark.chaos]


@pytest.fixture
def server():
    server = Server.started()
    yield server
    server.remove()


def ask(server, statement):
    with closing(psycopg2.connect(server.uri)) as conn, conn.cursor() as cur:
        cur.execute(statement)
        return cur.fetchall()


def start(server, now, last, seed):
    command = [sys.executable, str(WORKER), server.uri, str(now), str(last), str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class Told:
    """What a worker said; `upto` is the highest step that it was told is durable."""

    def __init__(self):
        self.upto = 0
        self.ended = False

    def hear(self, line):
        kind, *rest = line.split()
        if kind == "realtime":
            self.upto = max(self.upto, int(rest[0]))
        elif kind == "committed":
            committed = int(rest[0])
            assert not self.ended or committed >= self.upto, "what push had returned for was lost"
        self.ended = self.ended or kind == "end"


def one_round(server, told, random, last, seed, *, kills_server):
    """Run a worker and kill it, or the server under it, somewhere on its way."""
    with start(server, told.upto, last, seed) as worker:
        for _ in range(random.randrange(1, STEPS_A_ROUND)):
            line = worker.stdout.readline()
            if not line:
                break
            told.hear(line)
        Event().wait(random.uniform(0, 0.01))  # the moment of the fault, anywhere in a push
        if kills_server:
            server.kill()
            server.start()  # under the worker, which goes on
        else:
            worker.kill()
        for line in worker.stdout:
            told.hear(line)
        return worker.wait(60)


def play(server, seed, rounds):
    print(f"seed {seed}")
    random, told = Random(seed), Told()
    killed = {"process": 0, "server": 0}
    for number in range(1, rounds + 1):
        kills_server = random.random() < 0.3
        killed["server" if kills_server else "process"] += 1
        code = one_round(server, told, random, number * STEPS_A_ROUND, seed, kills_server=kills_server)
        assert code in ((0,) if kills_server else (0, -9))
    last = rounds * STEPS_A_ROUND
    with start(server, told.upto, last, seed) as worker:
        for line in worker.stdout:
            told.hear(line)
        assert worker.wait(60) == 0
    found = ask(server, "SELECT path, record FROM fustor.public_t ORDER BY path")
    expected = [
        (f"/public/t/{key}", {"key": key, "step": number}) for key, number in sorted(state(seed, last).items(), key=str)
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert ask(server, "SELECT committed, phase FROM fustor._fustor_tasks") == [(last, "realtime")]
    print(f"killed {killed}: {len(found)} rows, 0 lost, 0 duplicated, 0 resurrected")


def test_kills_lose_nothing_and_double_nothing(server):
    play(server, 1, 12)


@pytest.mark.full
def test_many_kills_lose_nothing_and_double_nothing(server):
    play(server, 2, 100)
