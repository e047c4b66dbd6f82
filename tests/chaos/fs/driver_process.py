"""A driver in a process of its own: `python driver_process.py ROOT PARAMS_AS_JSON`.

Events go to standard output as JSON, one a line: those of the realtime stream from the start, those of a snapshot or an
audit when a line says so on standard input. Each such line is answered when it is done: `{"done": "audit"}`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any

from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase
from fustor_source_fs import FsDriver

lock = threading.Lock()


def tell(message: dict[str, Any]) -> None:
    with lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def tell_all(events: Iterable[EventBase]) -> None:
    for event in events:
        tell({"event": event.model_dump(mode="json")})


def main() -> None:
    config = SourceConfig(driver="fs", uri=sys.argv[1], retry_delay_sec=0.05, driver_params=json.loads(sys.argv[2]))
    driver = FsDriver("process", config)
    stream = driver.get_message_iterator()
    threading.Thread(target=tell_all, args=(stream,), daemon=True).start()
    tell({"done": "arm"})
    for line in sys.stdin:
        asked = line.strip()
        if asked == "snapshot":
            tell_all(driver.get_snapshot_iterator(batch_size=200))
        elif asked == "audit":
            tell_all(driver.get_audit_iterator())
        else:
            tell({"statistics": driver.statistics()})
        tell({"done": asked})
    os._exit(0)


if __name__ == "__main__":
    main()
