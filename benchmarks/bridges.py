"""What Singer and Airbyte cost, against a bare loop over the same source: `python benchmarks/bridges.py [--rows N]`.

Rounds are interleaved in one process, and every ratio is the median of those to the bare loop of the same round. The
source is in memory, so the figures are ceilings: a source of 20,000 rows a second is not slowed by any of them.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.models import PusherConfig, SourceConfig
from fustor_driver.engines import Bookmark
from fustor_driver.engines.airbyte.reading import Wish, read
from fustor_driver.engines.bookmarks import look
from fustor_driver.engines.lines import Lines
from fustor_driver.engines.singer import TargetOptions, tap, target
from fustor_event_model import EventBase, MessageSource, UpdateEvent

ROUNDS = 5


class Ticks(SourceDriver):
    """An event of one row for each position, made as it is asked for."""

    capabilities = frozenset({"acknowledge", "end_position", "get_latest_position"})

    def get_snapshot_iterator(self, **_: Any) -> Iterator[EventBase]:
        """Nothing."""
        return iter(())

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        """Every position up to the end."""
        for index in range(start_position + 1, kwargs["end_position"] + 1):
            record = {"id": index, "name": f"name {index}"}
            row = {"path": f"/public/t/{index}", "mtime": float(index), "size": 10, "record": record}
            yield UpdateEvent(
                fields=list(row),
                rows=[row],
                index=index,
                event_schema="public",
                table="t",
                message_source=MessageSource.REALTIME,
            )

    def get_latest_position(self) -> int:
        """The number of rows, which the address is."""
        return int(self.config.uri)

    def is_position_available(self, position: int) -> bool:
        """Always."""
        return position > 0

    @classmethod
    async def get_available_fields(cls, **_: Any) -> dict[str, Any]:
        """None that matter."""
        return {"properties": {}}


class Nowhere(PusherDriver):
    """Takes everything, and keeps nothing."""

    async def push(self, events: list[EventBase], **_: Any) -> dict[str, Any]:
        """Nothing."""
        del events
        return {"success": True, "snapshot_needed": False}

    async def heartbeat(self, **_: Any) -> dict[str, Any]:
        """Nothing."""
        return {}

    async def create_session(self, task_id: str, **_: Any) -> dict[str, Any]:
        """Any."""
        return {"session_id": task_id, "suggested_heartbeat_interval_seconds": 60}

    async def get_latest_committed_index(self, **_: Any) -> int:
        """Beyond everything."""
        return 1 << 60

    @classmethod
    async def get_needed_fields(cls, **_: Any) -> dict[str, Any]:
        """All."""
        return {}


def ways(rows: int) -> Mapping[str, Callable[[], object]]:
    """The bare loop first, then each bridge."""
    source = Ticks("ticks", SourceConfig(driver="ticks", uri=str(rows)))
    pusher = Nowhere("nowhere", PusherConfig(driver="nowhere", endpoint="-"))
    known, written = Bookmark(position=1, selection=look(source, None)), io.BytesIO()
    tap(source, known, Lines(written), threading.Event())
    return {
        "bare loop": lambda: sum(len(event.rows) for event in source.get_message_iterator(1, end_position=rows)),
        "singer tap": lambda: tap(source, known, Lines(io.BytesIO()), threading.Event()),
        "singer target": lambda: asyncio.run(
            target(pusher, TargetOptions(), io.BytesIO(written.getvalue()), Lines(io.BytesIO()))
        ),
        "airbyte read": lambda: read(source, Wish("ticks", True), known, Lines(io.BytesIO()), threading.Event()),
    }


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    measured = ways(rows)
    took: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, run in measured.items():
            began = time.perf_counter()
            run()
            took[name].append(time.perf_counter() - began)
    bare = took["bare loop"]
    for name, seconds in took.items():
        ratio = statistics.median(one / other for one, other in zip(bare, seconds, strict=True))
        print(f"{name:14} {rows / statistics.median(seconds):>10,.0f} rows/s  ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
