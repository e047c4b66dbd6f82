"""What Spark, Singer and Airbyte cost, against a bare loop over the same source: `python benchmarks/bridges.py`.

Rounds are interleaved, each with `--rows` and with `--times` as many, and every ratio is the median of those to the
bare loop of the same round and size. A run is timed from the start of its query to its end, in processes that run
already. The source is in memory, so the figures are ceilings: hardly any bridge slows a source of 20,000 rows a second.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TypeAlias

from bridges_drivers import Nowhere, Ticks, installed
from bridges_spark import batch, missing, spark_session, stream

from fustor_core.models import PusherConfig, SourceConfig
from fustor_driver.engines import Bookmark
from fustor_driver.engines.airbyte.reading import read
from fustor_driver.engines.bookmarks import look
from fustor_driver.engines.lines import Lines
from fustor_driver.engines.singer import TargetOptions, tap, target

Counted: TypeAlias = Callable[[], int]
"""How many rows have come: asked when the clock has stopped."""
PARTITIONS = (1, 2, 4)
TO_REACH = {
    "Singer tap": "0.35",
    "Airbyte read": "0.34",
    "Spark stream, 1 partition": "0.126",
    "Spark stream, 2 partitions": "0.162",
}
STREAM, SNAPSHOT = "bare loop, changes", "bare loop, snapshot"


@dataclass(frozen=True)
class Way:
    """One way over the rows, and the loop that it is measured against."""

    name: str
    run: Callable[[int], Counted]
    floor: str
    took: dict[int, list[float]] = field(default_factory=dict)

    def time(self, rows: int) -> None:
        """Run once."""
        began = time.perf_counter()
        counted = self.run(rows)
        self.took.setdefault(rows, []).append(time.perf_counter() - began)
        if (found := counted()) != rows:
            raise SystemExit(f"{self.name}: {found} rows of {rows}")


def bare_stream(rows: int) -> Counted:
    """The changes of the source alone."""
    found = sum(len(event.rows) for event in _source(rows).get_message_iterator(0, end_position=rows))
    return lambda: found


def bare_snapshot(rows: int) -> Counted:
    """The snapshot of the source alone."""
    found = sum(len(event.rows) for event in _source(rows).get_snapshot_iterator())
    return lambda: found


def singer_tap(rows: int) -> Counted:
    """From the source to lines."""
    written = io.BytesIO()
    tap(_source(rows), _known(rows), Lines(written), threading.Event())
    return lambda: written.getvalue().count(b'"RECORD"') + 1


def singer_target(rows: int) -> Counted:
    """From lines to a pusher."""
    pusher = Nowhere("nowhere", PusherConfig(driver="nowhere", endpoint="-"))
    asyncio.run(target(pusher, TargetOptions(), io.BytesIO(_lines(rows)), Lines(io.BytesIO())))
    return lambda: pusher.rows + 1


def airbyte(rows: int) -> Counted:
    """From the source to messages."""
    written = io.BytesIO()
    read(_source(rows), "incremental", _known(rows), Lines(written), threading.Event())
    return lambda: written.getvalue().count(b'"RECORD"') + 1


def _source(rows: int) -> Ticks:
    return Ticks("ticks", SourceConfig(driver="ticks", uri=str(rows)))


def _known(rows: int) -> Bookmark:
    return Bookmark(position=1, selection=look(_source(rows), None))


@lru_cache
def _lines(rows: int) -> bytes:
    written = io.BytesIO()
    tap(_source(rows), _known(rows), Lines(written), threading.Event())
    return written.getvalue()


def ways(stack: ExitStack) -> Iterator[Way]:
    """Both loops first, then each bridge that can run here."""
    yield Way(STREAM, bare_stream, STREAM)
    yield Way(SNAPSHOT, bare_snapshot, SNAPSHOT)
    yield Way("Singer tap", singer_tap, STREAM)
    yield Way("Singer target", singer_target, STREAM)
    yield Way("Airbyte read", airbyte, STREAM)
    if reason := missing():
        print(f"Spark is left out: {reason}")
        return
    stack.enter_context(installed())
    spark = stack.enter_context(spark_session())
    for number in PARTITIONS:
        yield Way(f"Spark stream, {_partitions(number)}", partial(stream, spark, number), STREAM)
    for number in PARTITIONS:
        yield Way(f"Spark batch, {_partitions(number)}", partial(batch, spark, number), SNAPSHOT)


def _partitions(number: int) -> str:
    return "1 partition" if number == 1 else f"{number} partitions"


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="of the smaller size")
    parser.add_argument("--times", type=int, default=10, help="how much greater the other size is; 1 for none")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    given = parser.parse_args()
    sizes = sorted({given.rows, given.rows * given.times})
    with ExitStack() as stack:
        measured = list(ways(stack))
        for way in measured:
            way.run(sizes[0])  # what is imported and compiled once is not measured
        for _ in range(given.rounds):
            for rows in sizes:
                for way in measured:
                    way.time(rows)
    print("bridge, rows/s, ratio, to reach; then of the greater size: ratio, how much longer it took")
    for way in measured:
        print(f"    {row(way, measured, sizes)},")


def row(way: Way, measured: list[Way], sizes: list[int]) -> str:
    """The figures of one way as `results.toml` has them."""
    floor = next(one for one in measured if one.name == way.floor)
    ratios = [
        statistics.median(bare / other for bare, other in zip(floor.took[rows], way.took[rows], strict=True))
        for rows in sizes
    ]
    seconds = [statistics.median(way.took[rows]) for rows in sizes]
    cells = [way.name, f"{sizes[0] / seconds[0]:,.0f}", f"{ratios[0]:.3f}", TO_REACH.get(way.name, "")]
    cells += [f"{ratios[-1]:.3f}", f"{seconds[-1] / seconds[0]:.1f}"] if len(sizes) > 1 else []
    return json.dumps(cells)


if __name__ == "__main__":
    main()
