"""Random histories of a host, a crashing process and a disk that fills: nothing is lost, repeated or invented."""

import random
import resource
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from fustor_core.exceptions import RetryableError
from fustor_pusher_fs import FsParams, read_events
from fustor_pusher_fs._log import TaskLog
from fustor_pusher_fs._progress import Counters

PARAMS = FsParams(segment_max_bytes=4_000)
STEPS = 40
MEMORY = "/dev/shm"  # noqa: S108 - a directory of an unpredictable name is made in it


@contextmanager
def no_file_larger_than(limit_bytes):
    before, compiles = resource.getrlimit(resource.RLIMIT_FSIZE), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # Python leaves cut bytecode behind on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sys.dont_write_bytecode = compiles


class History:
    """One task and the host that writes to it; `told` is what the host was told to be committed, in order."""

    def __init__(self, directory, event, seed):
        self.directory = directory
        self.event = event
        self.chance = random.Random(seed)
        self.is_indexed = self.chance.random() < 0.7
        self.told = {}
        self.expected = -1
        self.number = 0
        self.index = 0
        self.log = self.open()
        self.begin()

    def open(self):
        return TaskLog(self.directory, "t", PARAMS, clock=lambda: 0.0)

    def begin(self):
        """A session as a host begins it: resumed if it can be, else with a snapshot that is announced first."""
        assert self.log.committed == self.expected
        self.session = self.log.begin(f"session-{self.number}", Counters())
        self.told[self.session.id] = []
        self.resumes = self.expected >= 0 and self.chance.random() < 0.8
        self.has_ended = self.resumes
        self.newest = self.expected if self.resumes else -1
        if not self.resumes:
            self.index = self.chance.choice([0, self.index])  # the source's log may have begun anew
            self.log.commit(self.session, [], is_snapshot_end=False, source_type="snapshot")
            self.expected = -1
        else:
            self.index = self.expected

    def batch(self, phase):
        events = []
        for _ in range(self.chance.randint(1, 4)):
            self.number += 1
            index = -1
            if phase == "realtime" and self.is_indexed:
                self.index += self.chance.randint(1, 3)
                index = self.index
            events.append(self.event(self.number, phase, index))
        return events

    def push(self, limit_bytes=resource.RLIM_INFINITY):
        phase = self.chance.choice(["realtime", "realtime", "snapshot" if not self.has_ended else "audit"])
        events = self.batch(phase)
        ends = phase == "snapshot" and self.chance.random() < 0.3
        with no_file_larger_than(limit_bytes):
            try:
                self.commit(events, ends)
            except RetryableError:
                assert limit_bytes != resource.RLIM_INFINITY
                if self.chance.random() < 0.3:  # the host gives it up: it must never appear
                    return
        for _ in range(self.chance.choice([1, 1, 3])):  # as after a reply that got lost
            self.commit(events, ends)
        self.told[self.session.id] += [event.rows[0]["path"] for event in events]
        self.has_ended = self.has_ended or ends
        self.newest = max([self.newest, *(event.index for event in events if phase == "realtime")])
        self.expected = self.newest if self.has_ended else -1

    def push_to_full_disk(self):
        sizes = [path.stat().st_size for path in sorted(self.directory.glob("*.jsonl"))]
        self.push(sizes[-1] + self.chance.randint(0, 900))

    def commit(self, events, ends):
        self.log.commit(self.session, events, is_snapshot_end=ends, source_type=None)

    def restart(self):
        self.log.close()
        self.log = self.open()
        self.begin()

    def crash(self):
        """What a killed process leaves: no farewell, and a piece of a batch that it never told of."""
        self.log._directory.close()
        segments = sorted(self.directory.glob("*.jsonl"))
        piece = segments[-1].read_bytes()[: self.chance.randint(0, 600)]
        with segments[-1].open("ab") as file:
            file.write(piece.replace(b'"crc"', b'"crx"'))
        self.log = self.open()
        self.begin()

    def check(self):
        seen = {}
        for batch in read_events(self.directory):
            paths = [row["path"] for event in batch.events for row in event.rows]
            seen.setdefault(batch.session_id, []).extend(paths)
        assert {session: paths for session, paths in seen.items() if paths} == {
            session: paths for session, paths in self.told.items() if paths
        }
        assert max(Counter(path for paths in seen.values() for path in paths).values(), default=1) == 1
        assert self.log.committed == self.expected


def run(event, seed):
    with tempfile.TemporaryDirectory(dir=MEMORY if Path(MEMORY).is_dir() else None) as directory:
        history = History(Path(directory, "out", "t"), event, seed)
        for _ in range(STEPS):
            steps = {history.push: 8, history.push_to_full_disk: 2, history.restart: 1, history.crash: 1}
            history.chance.choices(list(steps), list(steps.values()))[0]()
            history.check()
        history.log.close()


@pytest.mark.parametrize("seed", range(60))
def test_random_histories(event, seed):
    run(event, seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1_000, 4_000))
def test_many_random_histories(event, seed):
    run(event, seed)
