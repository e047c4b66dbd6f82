"""`kill -9` at random moments: what was told to be committed is there once, in order, and nothing else is."""

import json
import os
import random
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fustor_pusher_fs import CommittedBatch, read_events

WORKER = Path(__file__).with_name("worker.py")
LONGEST_LIFE_SEC = 0.15
START_SEC = 60.0


@dataclass
class Life:
    """What one worker told before it was killed."""

    session: str = ""
    told: int = -1
    first: int = 0
    snapshot: int = -1
    ended: bool = False
    realtime: int = -1
    seen: list[dict[str, object]] = field(default_factory=list)

    def take(self, said: dict[str, object]) -> None:
        self.seen.append(said)
        if "session" in said:
            self.session, self.told, self.first = said["session"], said["committed"], said["first"]
        self.snapshot = said.get("snapshot", self.snapshot)
        self.ended = said.get("end", self.ended)
        self.realtime = said.get("realtime", self.realtime)


def live(endpoint: Path, seed: str, now: int, chance: random.Random) -> Life:
    """Run a worker and kill it a random while after it was ready."""
    life, rest = Life(), b""
    command = [sys.executable, WORKER, endpoint, seed, str(now)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        pipe = worker.stdout.fileno()
        deadline = time.monotonic() + START_SEC
        while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            read = os.read(pipe, 65536)
            assert read, "the worker ended by itself"
            if not life.seen:
                deadline = time.monotonic() + chance.uniform(0, LONGEST_LIFE_SEC)
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                life.take(json.loads(line))
        worker.kill()
        for line in (rest + worker.stdout.read()).split(b"\n")[:-1]:
            life.take(json.loads(line))
    assert life.seen, "the worker did not start"
    return life


def check(life: Life, batches: list[CommittedBatch]) -> int:
    """Compare what is there of the last session with what was told; return the index that the next one must find."""
    mine = [batch for batch in batches if batch.session_id == life.session]
    snapshot = [batch.events[0].rows[0]["path"] for batch in mine if batch.phase == "snapshot" and batch.events]
    assert snapshot == [f"/snapshot/{number}" for number in range(len(snapshot))]
    assert life.snapshot + 1 <= len(snapshot) <= life.snapshot + 2
    ends = sum(batch.is_snapshot_end for batch in mine)
    assert life.ended <= ends <= 1
    realtime = [event.index for batch in mine if batch.phase == "realtime" for event in batch.events]
    last = life.first + len(realtime) - 1
    assert realtime == list(range(life.first, last + 1))
    assert life.realtime <= last
    if not realtime:
        return life.told
    return last if ends or life.told >= 0 else -1


def run(tmp_path: Path, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    expected, now, batches = -1, 0, []
    for number in range(kills):
        life = live(tmp_path, f"{seed}-{number}", now, chance)
        if not life.session:  # killed before or while the log was opened
            continue
        assert life.told == expected
        before, batches = batches, list(read_events(tmp_path / "t"))
        assert batches[: len(before)] == before
        assert {batch.session_id for batch in batches[len(before) :]} <= {life.session}
        expected = check(life, batches)
        now = 10 + max((batch.index for batch in batches), default=now)
    assert len(batches) > kills


@pytest.mark.parametrize("seed", [1])
def test_killed_now_and_then(tmp_path, seed):
    run(tmp_path, seed, kills=4)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", [2])
def test_killed_twenty_times(tmp_path, seed):
    run(tmp_path, seed, kills=20)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3, 13))
def test_killed_two_hundred_times(tmp_path, seed):
    run(tmp_path, seed, kills=20)
