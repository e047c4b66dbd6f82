"""Another watcher in the driver's place: `python peer_process.py ROOT watchdog|watchfiles`; it speaks alike."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from typing import Any

ROOT = sys.argv[1]
FIELDS = ["path", "mtime", "size", "is_directory"]
lock = threading.Lock()


def tell(message: dict[str, Any]) -> None:
    with lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def tell_path(raw: str | bytes, *, gone: bool = False) -> None:
    name = os.fsdecode(raw)
    row: dict[str, Any] = {"path": name[len(ROOT) :] or "/", "mtime": time.time(), "size": None, "is_directory": False}
    if not gone:
        try:
            status = os.lstat(name)
        except OSError:
            return
        row.update(mtime=status.st_mtime, size=status.st_size, is_directory=stat.S_ISDIR(status.st_mode))
    event = {"event_type": "delete" if gone else "update", "fields": FIELDS, "rows": [row], "index": -1}
    tell({"event": {**event, "event_schema": "fs", "table": "", "message_source": "realtime"}})


def run_watchdog() -> None:
    from watchdog import events  # type: ignore[import-not-found]  # noqa: PLC0415 - in an environment of its own
    from watchdog.observers import Observer  # type: ignore[import-not-found]  # noqa: PLC0415 - the same

    class Handler(events.FileSystemEventHandler):  # type: ignore[misc]
        def on_any_event(self, event: Any) -> None:
            if event.event_type in ("deleted", "moved"):
                tell_path(event.src_path, gone=True)
            if event.event_type == "moved":
                tell_path(event.dest_path)
            if event.event_type in ("created", "modified", "closed"):
                tell_path(event.src_path)

    wanted = (
        "FileCreated",
        "FileModified",
        "FileClosed",
        "FileDeleted",
        "FileMoved",
        "DirCreated",
        "DirDeleted",
        "DirMoved",
    )
    observer = Observer()
    observer.schedule(
        Handler(), ROOT, recursive=True, event_filter=[getattr(events, f"{name}Event") for name in wanted]
    )
    observer.start()


def run_watchfiles() -> None:
    from watchfiles import Change, watch  # type: ignore[import-not-found]  # noqa: PLC0415 - the same

    armed = threading.Event()

    def work() -> None:
        for changes in watch(ROOT, watch_filter=None, yield_on_timeout=True, rust_timeout=200):
            armed.set()
            for change, path in sorted(changes, key=lambda one: one[0] is not Change.deleted):
                tell_path(path, gone=change is Change.deleted)

    threading.Thread(target=work, daemon=True).start()
    armed.wait(5)


if __name__ == "__main__":
    {"watchdog": run_watchdog, "watchfiles": run_watchfiles}[sys.argv[2]]()
    tell({"done": "arm"})
    sys.stdin.read()
    os._exit(0)
