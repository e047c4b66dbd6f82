"""`kill -9` at any moment: nothing missing, nothing twice."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fustor_driver.hosts.guide import GuideHost
from fustor_try import running

pytestmark = pytest.mark.wide


def _write(world, seed, stop):
    """Change the world at full speed from a thread, as an independent writer would."""
    generator = random.Random(seed)
    while not stop.wait(0.0005):
        path = f"/{generator.randrange(300)}"
        world.append(*(("delete", path) if generator.random() < 0.2 else ("upsert", path, generator.randrange(10**6))))


def _wait_for_commits(file, phase, commits, size):
    """Wait until so many batches of the phase and so many bytes more are in the file.

    It is a moment that depends neither on how busy the machine is nor on how much of another phase comes between.
    """
    before, never, deadline = _size(file), threading.Event(), time.monotonic() + 10
    while time.monotonic() < deadline:
        written = _written_since(file, before)
        if len(written) >= size and written.count(b'"phase": "%s"' % phase) >= commits:
            return
        never.wait(0.001)


def _written_since(file, offset):
    with contextlib.suppress(FileNotFoundError), file.open("rb") as opened:
        opened.seek(offset)
        return opened.read()
    return b""


def _size(file):
    return file.stat().st_size if file.exists() else 0


def _killed_runs(kills, seed, arguments, environ):
    """Start the host, kill it at a random moment, and so on."""
    generator, output = random.Random(seed), running.output(Path(arguments["root"]))
    # A transient source sends a snapshot of 20 batches in every run; of the other one it is a quarter of a second
    phase, commits_max, size_max = (b"snapshot", 20, 10_000) if arguments["transient"] else (b"realtime", 1, 100_000)
    with subprocess.Popen(
        [sys.executable, "-m", "fustor_try.forks", json.dumps(arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    ) as forks:
        for _ in range(kills):
            print(file=forks.stdin, flush=True)
            host = int(forks.stdout.readline())
            _wait_for_commits(output, phase, generator.randrange(commits_max), generator.randrange(size_max))
            os.kill(host, signal.SIGKILL)
            assert int(forks.stdout.readline()) == signal.SIGKILL


def _caught_up(host, world, source, pusher):
    """Whether a last change, made when the stream was armed, has arrived, and a snapshot is complete or not due."""
    if host.status().state != "running":
        return False
    if "/last" not in source.present():
        world.append("upsert", "/last", 1)
    return host.status().phases["snapshot"].state != "running" and "/last" in pusher.told_realtime


@pytest.mark.parametrize("transient", [False, True], ids=["positions", "transient"])
@pytest.mark.parametrize("kills", [20, pytest.param(50, marks=pytest.mark.full)])
def test_kill_at_any_moment_loses_nothing_and_repeats_nothing(kills, transient, tmp_path, log, environ):
    seed = int(os.environ.get("FUSTOR_SEED", random.randrange(10**6)))
    print(f"FUSTOR_SEED={seed}")
    for at in range(2000 if transient else 60):
        log.append("upsert", f"/{at}", at)
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(log, seed, stop))
    writer.start()
    try:
        _killed_runs(kills, seed, {"log": str(log.log), "root": str(tmp_path), "transient": transient}, environ)
    finally:
        stop.set()
        writer.join()

    source = running.log_source(log.log, driver_params={"transient": transient})
    pusher = running.lines_pusher(tmp_path)
    # However much the writer was ahead of a slow disk, this run has no time to catch up in pairs
    host = GuideHost(source, pusher, running.options(tmp_path, push_max_events=500))
    running.run_until(host, lambda: _caught_up(host, log, source, pusher))

    assert running.replayed(tmp_path) == {path: row["size"] for path, row in source.present().items()}
    assert all(len(paths) == len(set(paths)) for paths in running.snapshot_paths(tmp_path).values())
    if transient:
        assert len(running.sessions(tmp_path, "snapshot")) > 2, "too few snapshots were interrupted"
    else:
        indexes = running.realtime_indexes(tmp_path)
        assert indexes == list(range(indexes[0], source.get_latest_position() + 1))
        assert len(running.sessions(tmp_path, "realtime")) > 2, "too few runs were killed while they worked"
