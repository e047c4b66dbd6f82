"""Run as a module in a fresh interpreter: build a source anew, read its snapshot or its stream, print the events.

The job comes as JSON on standard input: `path` (sys.path), `driver` (`module:Class`), `config` (keywords), and either
`snapshot` (keywords of the call) or `start`, `until` (a path whose upsert ends the reading) and `patience_sec`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any

from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase, EventType


def main() -> None:
    """Do the job."""
    job: dict[str, Any] = json.load(sys.stdin)
    sys.path[:] = job["path"]
    answer, sys.stdout = sys.stdout, sys.stderr  # what a driver prints is not an event
    driver = resolve_name(job["driver"])("kit", SourceConfig.model_validate(job["config"]))
    for event in _snapshot(driver, job) if "snapshot" in job else _stream(driver, job):
        print(event.model_dump_json(), file=answer)
    asyncio.run(driver.close())


def _snapshot(driver: Any, job: dict[str, Any]) -> Iterator[EventBase]:
    yield from driver.get_snapshot_iterator(**job["snapshot"])


def _stream(driver: Any, job: dict[str, Any]) -> Iterator[EventBase]:
    stop = threading.Event()
    alarm = threading.Timer(job["patience_sec"], stop.set)
    alarm.daemon = True
    alarm.start()
    for event in driver.get_message_iterator(job["start"], stop_event=stop):
        yield event
        if event.event_type is not EventType.DELETE and any(row["path"] == job["until"] for row in event.rows):
            break
    alarm.cancel()


if __name__ == "__main__":
    main()
