"""The messages of a tap of another project, and what a pusher has of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fustor_driver.engines.singer import TargetOptions
from fustor_try.lines_pusher import Batch, committed

OPTIONS = TargetOptions(task="t")
KEYED = {"type": "SCHEMA", "stream": "users", "schema": {"type": "object"}, "key_properties": ["id"]}


def record(id: Any, **more: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": "users", "record": {"id": id, **more}}


def as_lines(messages: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in messages)


def pushed(root: Path, task: str = "t:s") -> list[Batch]:
    """The batches of a task that are committed."""
    return [batch for batch, _ in committed(root / f"{task.replace(':', '%3A')}.jsonl")]


def rows(root: Path, phase: str, task: str = "t:s") -> list[str]:
    """The paths of the rows that are committed in a phase, in their order."""
    return [
        row["path"] for batch in pushed(root, task) if batch.phase == phase for e in batch.events for row in e["rows"]
    ]
