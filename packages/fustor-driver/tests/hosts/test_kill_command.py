"""The command itself, killed between the example source and the example pusher: nothing missing, nothing twice."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec

import pytest

TICKS_PER_SEC, KEEP, FIRST = 500, 100, 1_000
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(
        not (find_spec("fustor_source_example") and find_spec("fustor_pusher_example")),
        reason="the example drivers are not installed",
    ),
]


class _Clock:
    """Time in a file, as the example source reads it, until it is stopped."""

    def __init__(self, file):
        self.file, self.tick = file, FIRST
        self._set(FIRST)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        began = time.monotonic()
        while not self._stop.wait(0.001):
            self._set(FIRST + int((time.monotonic() - began) * TICKS_PER_SEC))

    def _set(self, tick):
        self.tick = tick
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(tick + 0.5))
        fresh.replace(self.file)

    def stop(self):
        self._stop.set()
        self._thread.join()


def _command(clock, *more):
    params = {"interval_sec": 1, "keep": KEEP, "epoch": 0, "clock_file": str(clock.file)}
    settings = [f"source.driver_params.{name}={value}" for name, value in params.items()]
    drivers = ("--source-driver", "example", "--uri", "tick://x", "--pusher-driver", "example", "--endpoint", "out")
    options = [option for setting in settings for option in ("--set", setting)]
    return [sys.executable, "-m", "fustor_driver", "run", *drivers, *options, "--audit-interval", "0.1", "-q", *more]


def _batches(file):
    """The committed batches: their mark and their events."""
    events = []
    for line in file.read_text().splitlines():
        record = json.loads(line)
        if "commit" in record:
            yield record["commit"], events
            events = []
        else:
            events.append(record)


def _since_last_snapshot(batches):
    ended = next(mark["session"] for mark, _ in reversed(batches) if mark["is_snapshot_end"])
    first = next(at for at, (mark, _) in enumerate(batches) if mark["session"] == ended)
    return [event for _, events in batches[first:] for event in events]


def _files_known(events):
    known, marks = set(), set()
    for event in events:
        for row in event["rows"]:
            phase, path = event["message_source"], row["path"]
            if row["is_directory"] or phase == "audit" or (phase == "snapshot" and path in marks):
                continue
            if phase == "realtime":
                marks.add(path)
            (known.discard if event["event_type"] == "delete" else known.add)(path)
    return known


def test_the_command_killed_50_times_loses_nothing_and_repeats_nothing(tmp_path):
    seed = int(os.environ.get("FUSTOR_SEED", random.randrange(10**6)))
    print(f"FUSTOR_SEED={seed}")
    generator, never = random.Random(seed), threading.Event()
    clock = _Clock(tmp_path / "clock")
    try:
        for _ in range(50):
            with subprocess.Popen(_command(clock), cwd=tmp_path) as process:
                never.wait(generator.uniform(0.3, 1.2))
                process.send_signal(signal.SIGKILL)
            assert process.returncode == -signal.SIGKILL
    finally:
        clock.stop()
    subprocess.run(_command(clock, "--for", "5"), cwd=tmp_path, check=True)

    events = _since_last_snapshot(list(_batches(tmp_path / "out" / "events.jsonl")))
    newest = clock.tick if clock.tick % 2 else clock.tick - 1
    oldest_removed = clock.tick - 1 - 2 * KEEP
    expected = {f"/ticks/{tick}" for tick in range(1, newest + 1, 2) if tick > oldest_removed}
    assert _files_known(events) == expected
    indexes = [event["index"] for event in events if event["message_source"] == "realtime" and event["rows"]]
    assert indexes == list(range(indexes[0], clock.tick + 1))
