"""Running the guide host in a process of its own, and judging what it left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.hosts.guide import GuideHost
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.runner import run_host
from fustor_try.lines_pusher import Batch, LinesDriver, committed
from fustor_try.log_source import LogDriver

SOURCE_ID, PUSHER_ID, TASK = "s", "p", "s:p"


def log_source(log: Path, **config: Any) -> LogDriver:
    return LogDriver(SOURCE_ID, SourceConfig(driver="try_log", uri=str(log), retry_delay_sec=0.01, **config))


def lines_pusher(root: Path, **config: Any) -> LinesDriver:
    settings = {"retry_delay_sec": 0.01, "batch_size": 50} | config
    return LinesDriver(PUSHER_ID, PusherConfig(driver="try_lines", endpoint=str(root), **settings))


def options(root: Path, **changes: Any) -> HostOptions:
    settings = {"task_id": TASK, "state_dir": root / "state", "audit_interval_sec": 0.0, "push_max_events": 2}
    return HostOptions(**(settings | changes))


def run_forever(log: str, root: str, *, transient: bool) -> None:
    """For a process that will be killed."""
    source = log_source(Path(log), driver_params={"transient": transient})
    run_host(source, lines_pusher(Path(root)), options(Path(root), audit_interval_sec=0.05))


def run_until(host: GuideHost, condition: Callable[[], bool], timeout_sec: float = 20.0) -> None:
    """Run the host until the condition holds, then stop it gracefully; fails when the time is up."""

    async def watched() -> None:
        running = asyncio.ensure_future(host.run())
        async with asyncio.timeout(timeout_sec):
            while not (condition() or running.done()):  # noqa: ASYNC110 - the condition looks at files: nothing could ring
                await asyncio.sleep(0.005)
        host.stop()
        await running

    asyncio.run(watched())


def output(root: Path) -> Path:
    return root / "s%3Ap.jsonl"


def sessions(root: Path, phase: str) -> set[str]:
    """The sessions that have committed something of a phase."""
    return {batch.session for batch, _ in committed(output(root)) if batch.phase == phase}


def realtime_indexes(root: Path) -> list[int]:
    """The indexes of the realtime events that are committed since the last complete snapshot began, in order."""
    batches = _since_last_snapshot(root)
    return [event["index"] for batch in batches if batch.phase == "realtime" for event in batch.events]


def snapshot_paths(root: Path) -> dict[str, list[str]]:
    """The paths that each session's snapshot told, in order."""
    told: dict[str, list[str]] = {}
    for batch, _ in committed(output(root)):
        if batch.phase == "snapshot":
            told.setdefault(batch.session, []).extend(row["path"] for event in batch.events for row in event["rows"])
    return told


def replayed(root: Path) -> dict[str, Any]:
    """Path and size of everything, as a consumer knows it: the last complete snapshot, and realtime since."""
    known: dict[str, Any] = {}
    marks: set[str] = set()
    for batch in _since_last_snapshot(root):
        for event in batch.events:
            for row in event["rows"]:
                _apply(known, marks, batch.phase, event["event_type"], row)
    return known


def _since_last_snapshot(root: Path) -> list[Batch]:
    batches = [batch for batch, _ in committed(output(root))]
    last = next(batch.session for batch in reversed(batches) if batch.end)
    first = next(at for at, batch in enumerate(batches) if batch.session == last)
    return batches[first:]


def _apply(known: dict[str, Any], marks: set[str], phase: str, event_type: str, row: dict[str, Any]) -> None:
    path = row["path"]
    if phase == "audit" or (phase == "snapshot" and path in marks):
        return
    if phase == "realtime":
        marks.add(path)
    if event_type == "delete":
        known.pop(path, None)
    else:
        known[path] = row["size"]
