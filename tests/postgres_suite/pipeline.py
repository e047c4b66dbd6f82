"""Both drivers around one database: its stream, a snapshot and audits go into a view and into a second database."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterable
from typing import Any, Self

from fustor_conformance.view import View
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_event_model import EventBase
from fustor_pusher_postgres import PostgresDriver as Pusher
from fustor_source_postgres import PostgresDriver as Source

_END = object()
_PUSHED = 200


class Pipeline:
    """One source, one view and one pusher, with the little of a host that they need."""

    def __init__(self, name: str, dsn: str, target: str) -> None:
        params: dict[str, Any] = {"slot": f"fustor_{name}"[:60], "lock_timeout_sec": 1}
        self._source = Source(
            name, SourceConfig(driver="postgres", uri=dsn, driver_params=params, max_retries=5, retry_delay_sec=1)
        )
        schema = f"s_{name}"[:60]
        self._pusher = Pusher(name, PusherConfig(driver="postgres", endpoint=target, driver_params={"schema": schema}))
        self.schema = schema
        self._view = View()
        self._read: queue.Queue[Any] = queue.Queue()
        self._session = ""

    def __enter__(self) -> Self:
        stream = self._source.get_message_iterator(-1)
        self._session = asyncio.run(self._pusher.create_session(self._source.id))["session_id"]
        self._view.begin_session(self._session)
        threading.Thread(target=self._follow, args=(stream,), daemon=True).start()
        self._take(self._source.get_snapshot_iterator())
        self._push([], source_type="snapshot", is_snapshot_end=True)
        self._view.snapshot_end()
        return self

    def __exit__(self, *exc_info: object) -> None:
        asyncio.run(self._source.close())
        asyncio.run(self._pusher.close())

    def _follow(self, stream: Iterable[EventBase]) -> None:
        try:
            for event in stream:
                self._read.put(event)
        except Exception as err:  # noqa: BLE001 - handed to the thread that waits
            self._read.put(err)
        else:
            self._read.put(_END)

    def follow_until(self, path: str, seconds: float) -> None:
        """Take in what the stream tells, up to the row at `path`."""
        deadline = time.monotonic() + seconds
        events: list[EventBase] = []
        while not any(row["path"] == path for event in events for row in event.rows):
            found = self._read.get(timeout=max(deadline - time.monotonic(), 0.01))
            if isinstance(found, Exception):
                raise found
            if found is _END:
                raise EOFError("The stream ended by itself")
            events.append(found)
        self._take(events)

    def audit(self) -> None:
        """Take in one whole audit."""
        self._take(event for event in self._source.get_audit_iterator() if isinstance(event, EventBase))

    def _take(self, events: Iterable[EventBase]) -> None:
        batch: list[EventBase] = []
        for event in events:
            self._view.apply(event)
            batch.append(event)
            if len(batch) == _PUSHED:
                self._push(batch)
                batch = []
        if batch:
            self._push(batch)

    def _push(self, events: list[EventBase], **keywords: Any) -> None:
        answer = asyncio.run(
            self._pusher.push(
                events, session_id=self._session, task_id=self._source.id, allow_deletions=True, **keywords
            )
        )
        if not answer["success"]:
            raise RuntimeError(f"The pusher answered {answer}")

    def told(self) -> dict[str, dict[str, Any]]:
        """The records of the view, by path."""
        rows = self._view.rows().items()
        return {path: row["record"] for path, row in rows if not row.get("is_directory") and "record" in row}
