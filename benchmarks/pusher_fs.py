"""What a durable push costs, against the least that a disk allows: `python benchmarks/pusher_fs.py [--json FILE]`.

Rounds are interleaved in one run, and every figure is the median of their ratios to the floor of the same round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fustor_core.models import PusherConfig
from fustor_event_model import EventBase, MessageSource, UpdateEvent
from fustor_pusher_fs import FsDriver

ROUNDS = 5
PUSHES = 100
SINGLE_PUSHES = 300
SEGMENT_BYTES = 1_000_000_000


def make_event(number: int, rows: int) -> EventBase:
    """A batch as a file system's snapshot sends it."""
    paths = [f"/directory-{number % 50}/some/file-{number}-{row}.txt" for row in range(rows)]
    told = [
        {
            "path": path,
            "file_name": path.rpartition("/")[2],
            "mtime": 1.7e9 + row / 7,
            "modified_time": 1.7e9 + row / 7,
            "size": row * 37,
            "is_directory": False,
            "parent_path": path.rpartition("/")[0],
        }
        for row, path in enumerate(paths)
    ]
    return UpdateEvent(
        fields=list(told[0]), rows=told, index=-1, event_schema="fs", table="", message_source=MessageSource.SNAPSHOT
    )


async def push_all(endpoint: Path, events: list[EventBase]) -> float:
    """Seconds for one push, in a session that is open already."""
    driver = FsDriver("bench", PusherConfig(driver="fs", endpoint=str(endpoint)))
    session = (await driver.create_session("t"))["session_id"]
    await driver.push([make_event(-1, 1)], session_id=session)
    begin = time.perf_counter()
    for event in events:
        await driver.push([event], session_id=session)
    seconds = time.perf_counter() - begin
    await driver.close()
    return seconds / len(events)


def push(directory: Path, events: list[EventBase]) -> float:
    """Seconds for one push."""
    return asyncio.run(push_all(directory / "push", events))


def dd(directory: Path, events: list[EventBase]) -> float | None:
    """Seconds for one block of the same length with `dd oflag=dsync`; None without dd. `dd` itself takes the time."""
    if shutil.which("dd") is None:
        return None
    size = len(events[0].model_dump_json()) + 1
    target = f"of={directory / 'dd'}"
    command = ["dd", "if=/dev/zero", target, f"bs={size}", f"count={len(events)}", "oflag=dsync"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return float(told.stderr.rsplit(" s,", 1)[0].rsplit(",", 1)[1]) / len(events)


def write_and_sync(directory: Path, events: list[EventBase]) -> float:
    """Seconds for `write` and `fdatasync` of lines that are there already."""
    lines = [event.model_dump_json().encode() + b"\n" for event in events]
    descriptor = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begin = time.perf_counter()
    for line in lines:
        os.write(descriptor, line)
        os.fdatasync(descriptor)
    seconds = time.perf_counter() - begin
    os.close(descriptor)
    return seconds / len(events)


def sqlite(directory: Path, events: list[EventBase]) -> float:
    """Seconds for one transaction with the same lines as one value (WAL, synchronous=FULL), without encoding them."""
    lines = [event.model_dump_json() for event in events]
    base = sqlite3.connect(directory / "base.db", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE batch (lines)")
    begin = time.perf_counter()
    for line in lines:
        base.execute("INSERT INTO batch VALUES (?)", (line,))
    seconds = time.perf_counter() - begin
    base.close()
    return seconds / len(events)


def opening(directory: Path, events: list[EventBase]) -> float:
    """Seconds until a session is open on a segment of a gigabyte."""
    del events

    async def measure(*, seconds: bool) -> float:
        driver = FsDriver("bench", PusherConfig(driver="fs", endpoint=str(directory / "big"), driver_params=params))
        begin = time.perf_counter()
        session = (await driver.create_session("t"))["session_id"]
        taken = time.perf_counter() - begin
        if not seconds:
            await driver.push([make_event(0, 1000)], session_id=session)
        await driver.close()
        return taken

    params = {"segment_max_bytes": 2 * SEGMENT_BYTES}
    asyncio.run(measure(seconds=False))
    segment = directory / "big" / "t" / "00000001.jsonl"
    header, batch = segment.read_bytes().split(b"\n", 1)
    with segment.open("wb") as file:
        file.write(header + b"\n")
        while file.tell() < SEGMENT_BYTES:
            file.write(batch)
        file.flush()
        os.fsync(file.fileno())
    return asyncio.run(measure(seconds=True))


Measure = Callable[[Path, list[EventBase]], float | None]
MEASURES: dict[str, tuple[Measure, int, int]] = {
    "dd oflag=dsync, 1,000 rows": (dd, PUSHES, 1000),
    "push, 1,000 rows": (push, PUSHES, 1000),
    "SQLite WAL, writing alone, 1,000 rows": (sqlite, PUSHES, 1000),
    "write + fdatasync, one event": (write_and_sync, SINGLE_PUSHES, 1),
    "push, one event": (push, SINGLE_PUSHES, 1),
    "opening a segment of 1 GB": (opening, 1, 1),
}
RATIOS = [
    ("push, 1,000 rows", "dd oflag=dsync, 1,000 rows", 3.0),
    ("SQLite WAL, writing alone, 1,000 rows", "dd oflag=dsync, 1,000 rows", None),
    ("push, one event", "write + fdatasync, one event", 1.5),
]


def run(rounds: int) -> dict[str, list[float | None]]:
    """Seconds of every measure in every round."""
    seconds: dict[str, list[float | None]] = {name: [] for name in MEASURES}
    for number in range(rounds):
        for name, (measure, count, rows) in MEASURES.items():
            events = [make_event(number * count + one, rows) for one in range(count)]
            with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
                seconds[name].append(measure(Path(directory), events))
    return seconds


def median_ratio(seconds: dict[str, list[float | None]], name: str, floor: str) -> float | None:
    """Median of the ratios of the rounds; None where one of both could not be measured."""
    pairs = zip(seconds[name], seconds[floor], strict=True)
    ratios = [one / least for one, least in pairs if one is not None and least is not None]
    return statistics.median(ratios) if ratios else None


def main() -> None:
    """Print the table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    seconds = run(options.rounds)
    for name, taken in seconds.items():
        known = [one for one in taken if one is not None]
        print(f"{name:40} {statistics.median(known) * 1000:9.3f} ms" if known else f"{name:40} left out")
    table = [
        {"what": name, "floor": floor, "ratio": median_ratio(seconds, name, floor), "to reach": goal}
        for name, floor, goal in RATIOS
    ]
    for line in table:
        ratio = "left out" if line["ratio"] is None else f"{line['ratio']:.2f}"
        print(f"{line['what']:40} {ratio:>9} of {line['floor']}; to reach: {line['to reach'] or '-'}")
    if options.json is not None:
        said = {"machine": platform.platform(), "seconds": seconds, "ratios": table}
        options.json.write_text(json.dumps(said, indent=2) + "\n")


if __name__ == "__main__":
    main()
