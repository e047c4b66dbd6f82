"""A pusher that appends batches to a file of JSON Lines; a batch counts when its mark, the last line, is whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from fustor_core.drivers import PusherDriver
from fustor_core.exceptions import DriverError
from fustor_core.models.config import PusherConfig
from fustor_event_model.models import EventBase


@dataclass(frozen=True)
class Batch:
    """A committed batch, read back."""

    session: str
    phase: str
    end: bool
    index: int
    digest: str
    events: list[dict[str, Any]]


@dataclass
class _Task:
    path: Path
    ended: bool = False
    realtime: int = -1
    snapshot: int = -1
    digests: dict[tuple[str, str], str] = field(default_factory=dict)

    def note(self, batch: Batch) -> None:
        self.digests[batch.session, batch.phase] = batch.digest
        if batch.phase == "realtime":
            self.realtime = max(self.realtime, batch.index)
        if batch.phase == "snapshot":
            self.snapshot = max(self.snapshot, batch.index)
            self.ended = self.ended or batch.end


class LinesDriver(PusherDriver):
    """Keeps section 5 of the contract for an append log, with one fsync a batch."""

    def __init__(self, id: str, config: PusherConfig) -> None:
        super().__init__(id, config)
        self._root = Path(config.endpoint)
        self._tasks: dict[str, _Task] = {}
        self._sessions: dict[str, str] = {}
        self.told_realtime: set[str] = set()

    async def create_session(self, task_id: str, **_: Any) -> dict[str, Any]:
        if task_id not in self._tasks:
            self._tasks[task_id] = self._recovered(self._root / f"{quote(task_id, safe='')}.jsonl")
        session = uuid4().hex
        self._sessions[session] = task_id
        return {"session_id": session, "suggested_heartbeat_interval_seconds": 1}

    def _recovered(self, path: Path) -> _Task:
        self._root.mkdir(parents=True, exist_ok=True)
        path.touch()
        task = _Task(path)
        good = 0
        for batch, end in committed(path):
            task.note(batch)
            good = end
        os.truncate(path, good)
        return task

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        session, phase = kwargs["session_id"], kwargs.get("source_type", "realtime")
        task = self._tasks[self._sessions[session]]
        if refused := [event for event in events if any(row.get("path") == "/refused" for row in event.rows)]:
            raise DriverError(f"{len(refused)} events name '/refused'; leave them out")
        if phase == "realtime":
            events = [event for event in events if event.index < 0 or event.index > task.realtime]
        dumped = [event.model_dump_json() for event in events]
        digest = hashlib.sha256("\n".join(dumped).encode()).hexdigest()
        end = bool(kwargs.get("is_snapshot_end"))
        index = max((event.index for event in events), default=-1)
        mark = {"session": session, "phase": phase, "end": end, "index": index, "digest": digest, "events": len(dumped)}
        repeated = task.digests.get((session, phase)) == digest and not any(event.signal for event in events)
        if end or (dumped and not repeated):
            _append(task.path, "".join(f"{line}\n" for line in (*dumped, json.dumps({"mark": mark}))))
            task.note(Batch(session, phase, end, index, digest, []))
        if phase == "realtime":
            self.told_realtime.update(row["path"] for event in events for row in event.rows)
        answer = {"success": True, "snapshot_needed": False}
        set_aside = sum(row.get("path") == "/set-aside" for event in events for row in event.rows)
        if set_aside:
            answer |= {"refused_rows": set_aside, "refused_reason": "'/set-aside' is kept aside"}
        if end and not kwargs.get("allow_deletions") and (self._root / "guard").exists():
            answer["refused_deletions"] = 150
        return answer

    async def heartbeat(self, **_: Any) -> dict[str, Any]:
        return {}

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        task = self._tasks[self._sessions[kwargs["session_id"]]]
        if not task.ended:
            return -1
        return task.realtime if task.realtime >= 0 else task.snapshot

    @classmethod
    async def get_needed_fields(cls, **_: Any) -> dict[str, Any]:
        return {}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        return True, f"{kwargs.get('endpoint')} can be written"


def committed(path: Path) -> Iterator[tuple[Batch, int]]:
    """The committed batches of a file, each with the offset behind it."""
    events: list[dict[str, Any]] = []
    offset = 0
    for line in path.read_bytes().splitlines(keepends=True):
        offset += len(line)
        if not line.endswith(b"\n"):
            return
        try:
            data = json.loads(line)
        except json.JSONDecodeError:
            return
        if "mark" not in data:
            events.append(data)
            continue
        mark = data["mark"]
        if mark.pop("events") != len(events):
            raise DriverError(f"{str(path)!r} is damaged before byte {offset}")
        yield Batch(**mark, events=events), offset
        events = []


def _append(path: Path, text: str) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(text.encode())
        os.fsync(file.fileno())
