"""Figures of one driver on its own: rows per second, latency, memory."""

from __future__ import annotations

import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.event_files import Batch
from fustor_driver.hosts.calls import Session, open_phase
from fustor_driver.reading import bounded
from fustor_event_model import EventBase, MessageSource, UpdateEvent

__all__ = ["PusherFigures", "SourceFigures", "bench_pusher", "bench_source", "synthetic"]

_MIB = 1024 if sys.platform != "darwin" else 1024 * 1024


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True)

    rows: int
    events: int
    seconds: float
    rows_per_sec: float
    memory_growth_mib: float


class SourceFigures(_Figures):
    """Of a snapshot; `first_event_sec` from the call to the first event."""

    first_event_sec: float


class PusherFigures(_Figures):
    """Of pushes one after the other; latency is that of one push, in milliseconds."""

    latency_p50_ms: float
    latency_p99_ms: float


def bench_source(
    source: SourceDriver,
    *,
    max_rows: int,
    max_sec: float,
    batch_size: int,
    stop_event: threading.Event | None = None,
    look: Callable[[int], None] = lambda _: None,
) -> SourceFigures:
    """Read a snapshot, at most so many rows and seconds, or until `stop_event`; `look` gets the rows of each event.

    Raises:
        DriverError: what the source raises.
    """
    rows = events = 0
    first = 0.0
    memory = _peak_memory()
    began = time.perf_counter()
    with bounded(
        lambda stop: open_phase(source, MessageSource.SNAPSHOT, stop, batch_size=batch_size),
        max_rows=max_rows,
        max_sec=max_sec,
        stop_event=stop_event,
    ) as read:
        for event in read:
            first = first or time.perf_counter() - began
            events += 1
            rows += len(event.rows)
            look(len(event.rows))
    figures = _common(rows, events, time.perf_counter() - began, memory)
    return SourceFigures.model_validate(figures | {"first_event_sec": round(first, 6)})


async def bench_pusher(
    pusher: PusherDriver, batches: Iterable[Batch], *, max_sec: float, look: Callable[[int], None] = lambda _: None
) -> PusherFigures:
    """Push batches one after the other, in a task of its own; the pusher stays open. `look` gets the rows of each.

    Raises:
        DriverError: what the pusher raises.
        RetryableError: it answers that nothing is promised.
        NotConformant: an answer is not a valid reply.
    """
    session = await Session.open(pusher, f"fustor-bench-{uuid4().hex}")
    rows = events = 0
    latencies: list[float] = []
    memory = _peak_memory()
    began = time.perf_counter()
    for batch in batches:
        before = time.perf_counter()
        reply = await session.push(batch.events, batch.phase)
        latencies.append(time.perf_counter() - before)
        reply.taken()
        events += len(batch.events)
        pushed = sum(len(event.rows) for event in batch.events)
        rows += pushed
        look(pushed)
        if time.perf_counter() - began >= max_sec:
            break
    figures = _common(rows, events, time.perf_counter() - began, memory)
    latency = {"latency_p50_ms": _quantile_ms(latencies, 50), "latency_p99_ms": _quantile_ms(latencies, 99)}
    return PusherFigures.model_validate(figures | latency)


def synthetic(rows: int, rows_per_event: int) -> Iterator[Batch]:
    """Batches of one snapshot event each, with so many rows of a file tree altogether."""
    now = time.time()
    for start in range(0, rows, rows_per_event):
        made = [_row(number, now) for number in range(start, min(start + rows_per_event, rows))]
        event: EventBase = UpdateEvent(
            fields=list(made[0]),
            rows=made,
            event_schema="fs",
            table="",
            message_source=MessageSource.SNAPSHOT,
        )
        yield Batch(session_id="", phase=MessageSource.SNAPSHOT, events=(event,))


def _row(number: int, now: float) -> dict[str, object]:
    folder, name = f"/folder-{number // 100}", f"file-{number}.dat"
    return {
        "path": f"{folder}/{name}",
        "mtime": now,
        "size": number,
        "file_name": name,
        "modified_time": now,
        "is_directory": False,
        "parent_path": folder,
    }


def _common(rows: int, events: int, seconds: float, memory_before: float) -> dict[str, float]:
    return {
        "rows": rows,
        "events": events,
        "seconds": round(seconds, 6),
        "rows_per_sec": round(rows / seconds, 1) if seconds else 0.0,
        "memory_growth_mib": round(_peak_memory() - memory_before, 3),
    }


def _peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB


def _quantile_ms(latencies: list[float], percent: int) -> float:
    if len(latencies) < 2:  # noqa: PLR2004 - fewer have no quantiles
        return round(sum(latencies) * 1000, 3)
    return round(statistics.quantiles(latencies, n=100, method="inclusive")[percent - 1] * 1000, 3)
