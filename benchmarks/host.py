"""Overhead of the guide host over a bare loop that calls the same source and the same pusher.

Run: uv run python benchmarks/host.py [--events N] [--repeats N] [--json FILE]
Interleaved, medians; 1.00 is the bare loop. The pusher serialises and writes one file, synced once a push.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.hosts import GuideHost, HostOptions
from fustor_event_model import EventBase, MessageSource, UpdateEvent

PUSH_EVENTS, PUSH_ROWS = 1_000, 10_000
TARGET = 1.10


class Counter(SourceDriver):
    """Tells so many events of so many rows, as a snapshot or as a stream."""

    def __init__(self, events: int, rows: int, phase: MessageSource) -> None:
        super().__init__("s", SourceConfig(driver="counter", uri="x"))
        self.events, self.rows, self.phase = events, rows, phase

    def told(self) -> Iterator[EventBase]:
        """Everything, made when it is asked for."""
        for number in range(self.events):
            rows = [
                {
                    "path": f"/{number}/{at}",
                    "mtime": 1.0,
                    "size": at,
                    "is_directory": False,
                    "parent_path": f"/{number}",
                }
                for at in range(self.rows)
            ]
            yield UpdateEvent(
                fields=list(rows[0]),
                rows=rows,
                index=number + 1 if self.phase is MessageSource.REALTIME else -1,
                event_schema="fs",
                table="",
                message_source=self.phase,
            )

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        """All, where the phase is the snapshot."""
        del kwargs
        return self.told() if self.phase is MessageSource.SNAPSHOT else iter(())

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        """All, where the phase is realtime; then nothing until the stop."""
        del start_position
        if self.phase is MessageSource.REALTIME:
            yield from self.told()
        kwargs["stop_event"].wait()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """None told."""
        del kwargs
        return {}


class Writer(PusherDriver):
    """Appends events to a file; `done` is set when as many events as expected, or a snapshot's end, have come."""

    def __init__(self, path: Path, expected: int, phase: MessageSource) -> None:
        super().__init__("p", PusherConfig(driver="writer", endpoint=str(path)))
        self._file = path.open("wb", buffering=0)
        self._left = expected
        self._phase = phase
        self.done = asyncio.Event()

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        """Serialise, write, sync."""
        del kwargs
        if events:
            self._file.write(b"\n".join(event.model_dump_json().encode() for event in events))
            os.fdatasync(self._file.fileno())
            self._left -= len(events)
        if self._left <= 0:
            self.done.set()
        return {"success": True, "snapshot_needed": False}

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing to keep alive."""
        del kwargs
        return {}

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        """One session."""
        del task_id, kwargs
        return {"session_id": "s", "suggested_heartbeat_interval_seconds": 10}

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """All."""
        del kwargs
        return {}

    async def close(self) -> None:
        """Close the file."""
        self._file.close()


async def bare(source: Counter, pusher: Writer, _: Path) -> None:
    """Iterate and push in batches as large as the host's, in one thread."""
    batch: list[EventBase] = []
    rows = 0
    for event in source.told():
        batch.append(event)
        rows += len(event.rows)
        if len(batch) >= PUSH_EVENTS or rows >= PUSH_ROWS:
            await pusher.push(batch)
            batch, rows = [], 0
    if batch:
        await pusher.push(batch)
    await pusher.close()


async def hosted(source: Counter, pusher: Writer, state_dir: Path) -> None:
    """The guide host, stopped when everything is pushed."""
    options = HostOptions(
        task_id="t", state_dir=state_dir, audit_interval_sec=0, push_max_events=PUSH_EVENTS, push_max_rows=PUSH_ROWS
    )
    host = GuideHost(source, pusher, options)
    running = asyncio.ensure_future(host.run())
    await pusher.done.wait()
    host.stop()
    await running


@dataclass(frozen=True)
class Case:
    """What is told."""

    name: str
    phase: MessageSource
    rows: int


CASES = (
    Case("snapshot, 100 rows an event", MessageSource.SNAPSHOT, 100),
    Case("snapshot, 1 row an event", MessageSource.SNAPSHOT, 1),
    Case("realtime, 1 row an event", MessageSource.REALTIME, 1),
)


def timed(case: Case, events: int, way: Callable[[Counter, Writer, Path], Awaitable[None]]) -> tuple[float, float]:
    """Seconds of the clock and of the processor that one way takes for one case."""
    with tempfile.TemporaryDirectory() as folder:

        async def run() -> tuple[float, float]:
            source = Counter(events, case.rows, case.phase)
            pusher = Writer(Path(folder) / "out", events, case.phase)
            began, busy = time.perf_counter(), time.process_time()
            await way(source, pusher, Path(folder))
            return time.perf_counter() - began, time.process_time() - busy

        return asyncio.run(run())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="events of one row; a twentieth of it of 100 rows")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    print(f"{'':<30}{'clock':>8}{'processor':>11}{'rows/s':>14}   (bare loop = 1, target {TARGET:.2f})")
    for case in CASES:
        events = options.events if case.rows == 1 else options.events // 20
        runs = [(timed(case, events, bare), timed(case, events, hosted)) for _ in range(options.repeats)]
        clock, processor = (
            statistics.median(host[at] for _, host in runs) / statistics.median(loop[at] for loop, _ in runs)
            for at in (0, 1)
        )
        rate = events * case.rows / statistics.median(host[0] for _, host in runs)
        results.append({"case": case.name, "clock": clock, "processor": processor, "rows_per_sec": rate})
        print(f"{case.name:<30}{clock:>8.2f}{processor:>11.2f}{rate:>14,.0f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
