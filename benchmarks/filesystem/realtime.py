"""Watches, latency and losses of the realtime stream."""

from __future__ import annotations

import asyncio
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Figure, seconds
from scans import driver, fresh_process, resident
from trees import TREES

from fustor_source_fs import FsDriver

_SAMPLES = 1000
_CREATES, _RENAMES = 20_000, 5_000
_IDLE_SEC = 8.0
_DRAIN_SEC = 30.0
_SUSTAINED = 200_000

CREATE = """
import os, sys, time
root, count, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
directory, flags = os.open(root, os.O_RDONLY | os.O_DIRECTORY), os.O_CREAT | os.O_WRONLY
began = time.perf_counter()
for number in range(count):
    os.close(os.open(str(number), flags, dir_fd=directory))
    if rate and number % 100 == 99:
        time.sleep(max(0, (number + 1) / rate - (time.perf_counter() - began)))
print(count / (time.perf_counter() - began))
"""


class Listener:
    """Reads a stream in a thread and notes when each path was told."""

    def __init__(self, one: FsDriver) -> None:
        self.one = one
        self.told: dict[str, float] = {}
        self.rows = 0
        self.news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.stream = one.get_message_iterator()
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self) -> None:
        """Until the driver is closed."""
        for event in self.stream:
            now = time.perf_counter()
            for row in event.rows:
                self.told[row["path"]] = now
            self.rows += len(event.rows)
            self.news.put(None)

    def wait(self, rows: int) -> int:
        """How many rows came in time."""
        deadline = time.perf_counter() + _DRAIN_SEC
        while self.rows < rows and (left := deadline - time.perf_counter()) > 0:
            try:
                self.news.get(timeout=left)
            except queue.Empty:
                break
        return self.rows


@contextmanager
def listening(path: Path) -> Iterator[Listener]:
    """A stream that is read until the block ends."""
    listener = Listener(driver(path))
    try:
        yield listener
    finally:
        asyncio.run(listener.one.close())
        listener.thread.join()


def measure_set_up(base: Path, rounds: int) -> list[Figure]:
    """Time and memory of 40,000 watches beside `inotifywait -r`, and what an idle stream costs."""
    path = TREES[1].at(base)
    times, floors = [], []
    grown = fresh_process("print(realtime.watch(scans.Path(sys.argv[1])))", path)
    for _ in range(rounds):
        one = driver(path)
        times.append(seconds(one.get_message_iterator))
        asyncio.run(one.close())
        floors.append(inotifywait(path))
    figures = [Figure("watch set-up, 40,000 directories", sorted(times)[rounds // 2], "s")]
    if all(floors):
        ratio = sorted(times)[rounds // 2] / sorted(floors)[rounds // 2]
        figures.append(Figure("the same, inotifywait -r = 1", ratio, "x", 0.75))
    figures.append(Figure("memory of 40,000 watched directories", grown, "MB", 16))
    with listening(path):
        began, cpu = time.perf_counter(), time.process_time()
        threading.Event().wait(_IDLE_SEC)
        figures.append(Figure("idle", 100 * (time.process_time() - cpu) / (time.perf_counter() - began), "% core", 1))
    return figures


def watch(path: Path) -> float:
    """By how many MB this process grows when it watches a tree."""
    before = resident()
    one = driver(path)
    stream = one.get_message_iterator()
    grown = (resident() - before) / 1024
    asyncio.run(one.close())
    del stream
    return grown


def inotifywait(path: Path) -> float:
    """How long the tool takes to set its watches; 0 where it is not installed."""
    if shutil.which("inotifywait") is None:
        return 0
    began = time.perf_counter()
    with subprocess.Popen(
        ["inotifywait", "-m", "-r", str(path)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as tool:
        for line in tool.stderr or ():
            if b"Watches established" in line:
                break
        taken = time.perf_counter() - began
        tool.terminate()
    return taken


def measure_latency(base: Path, rounds: int) -> list[Figure]:
    """From the close of a written file to its row."""
    del rounds
    path = base / "latency"
    path.mkdir()
    times = []
    with listening(path) as listener:
        for number in range(_SAMPLES):
            fd = os.open(path / f"{number}", os.O_CREAT | os.O_WRONLY)
            os.write(fd, b"x")
            began = time.perf_counter()
            os.close(fd)
            listener.wait(number + 1)
            times.append((listener.told[f"/{number}"] - began) * 1000)
    times.sort()
    return [
        Figure("close to yielded event, p50", times[_SAMPLES // 2], "ms", 1),
        Figure("close to yielded event, p99", times[_SAMPLES * 99 // 100], "ms", 5),
    ]


def measure_burst(base: Path, rounds: int) -> list[Figure]:
    """Creates, then renames, then deletes, as fast as one process can."""
    del rounds
    path = base / "burst"
    path.mkdir()
    with listening(path) as listener:
        for number in range(_CREATES):
            os.close(os.open(path / f"{number}", os.O_CREAT | os.O_WRONLY))
        lost = _CREATES - listener.wait(_CREATES)
        for number in range(_RENAMES):
            (path / f"{number}").rename(path / f"r{number}")
        told = listener.wait(_CREATES + 2 * _RENAMES)
        for entry in list(path.iterdir()):
            entry.unlink()
        lost += told + _CREATES - listener.wait(told + _CREATES)
    return [Figure("20,000 creates, 5,000 renames, 20,000 deletes: lost", lost, "rows", 0)]


def measure_sustained(base: Path, rounds: int) -> list[Figure]:
    """200,000 creates by another process, a row each; in memory where that can be had, so that no disk is the limit."""
    del rounds
    figures = []
    in_memory = Path("/dev/shm")  # noqa: S108 - a directory of its own is made there
    where = in_memory if os.access(in_memory, os.W_OK) else base
    for name, rate in (("20,000/s", 20_000), ("full speed", 0)):
        with TemporaryDirectory(prefix="fustor-benchmark-", dir=where) as path, listening(Path(path)) as listener:
            command = [sys.executable, "-c", CREATE, path, str(_SUSTAINED), str(rate)]
            began = time.perf_counter()
            made = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            lost = _SUSTAINED - min(_SUSTAINED, listener.wait(_SUSTAINED))
            told = _SUSTAINED / (time.perf_counter() - began)
            overflows = listener.one.statistics()["overflows"]
        figures += [
            Figure(f"sustained creates, {name}: made", made, "/s", rate * 0.95 or None, at_least=True),
            Figure("the same: told, until the last row", told, "/s", rate * 0.9 or None, at_least=True),
            Figure("the same: lost", lost, "rows", 0),
            Figure("the same: overflows", overflows, "", 0 if rate else None),
        ]
    return figures
