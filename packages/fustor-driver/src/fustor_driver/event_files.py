"""Files of events, as JSON Lines: plain events, dead letters, recordings, and what pushers wrote.

A package whose pusher writes files of its own registers a reader in the entry-point group `READERS`: the name is a
key of the first line of every such file, the value a function from a path to its committed batches, each with
`session_id`, `is_snapshot_end` and `events`. It vouches for what it yields: torn ends are left out, damage is raised.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, TextIO, cast

from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError

from fustor_driver.configuration import field_problems
from fustor_driver.errors import CheckFailed, EnvironmentProblem, UsageProblem
from fustor_event_model import DeleteEvent, EventBase, EventType, InsertEvent, MessageSource, UpdateEvent

__all__ = ["READERS", "Batch", "CommittedBatch", "parse_event", "read_batches", "read_events"]

READERS = "fustor_driver.event_readers"
_CLASSES: Mapping[EventType, type[EventBase]] = {
    EventType.INSERT: InsertEvent,
    EventType.UPDATE: UpdateEvent,
    EventType.DELETE: DeleteEvent,
}


class Batch(BaseModel):
    """What one push carried; one line of a recording."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    phase: MessageSource
    is_snapshot_end: bool = False
    events: tuple[SerializeAsAny[EventBase], ...]


class CommittedBatch(Protocol):
    """What a registered reader yields."""

    @property
    def session_id(self) -> str:
        """The session that the batch was pushed in."""
        ...

    @property
    def is_snapshot_end(self) -> bool:
        """Whether it ended the session's snapshot."""
        ...

    @property
    def events(self) -> Sequence[EventBase]:
        """What was pushed."""
        ...


def read_events(path: Path) -> Iterator[EventBase]:
    """The events of a file in order, whatever wrote it. Errors as for `read_batches`."""
    for batch in read_batches(path):
        yield from batch.events


def read_batches(path: Path) -> Iterator[Batch]:
    """The pushes of a file, of standard input (`-`), or of a directory that a pusher wrote, in order.

    A plain event or a dead letter is a push of its own.

    Raises:
        UsageProblem: the file cannot be read.
        CheckFailed: a line is no event; it is named with its number, never skipped.
        EnvironmentProblem: only the package that wrote the file can read it, and it is not installed.
        DriverError: a registered reader found damage.
    """
    path = Path("/dev/stdin") if str(path) == "-" else path
    try:
        path = _task_directory(path) if path.is_dir() else path
        reader = _registered_reader(path) if path.is_file() or path.is_dir() else None
        if reader is not None:
            yield from map(_as_batch, reader(path))
            return
        with path.open(encoding="utf-8") as file:
            yield from _batches(path, file)
    except (OSError, UnicodeDecodeError) as err:
        raise UsageProblem(f"Cannot read events from {str(path)!r}: {err}") from err


def parse_event(data: Any) -> EventBase:
    """An event from plain data.

    Raises:
        ValueError: it is none; pydantic's ValidationError is one.
    """
    if not isinstance(data, dict) or "event_type" not in data:
        raise ValueError("an event is a mapping with an event_type")
    return _CLASSES[EventType(data["event_type"])].model_validate(data)


def _task_directory(path: Path) -> Path:
    """The directory itself, or the only one below it that holds files of events."""
    if any(path.glob("*.jsonl")):
        return path
    tasks = sorted({file.parent for file in path.glob("*/*.jsonl")})
    if len(tasks) != 1:
        names = ", ".join(repr(task.name) for task in tasks) or "none"
        raise UsageProblem(f"The directory {str(path)!r} holds no .jsonl file; name one of its tasks: {names}")
    return tasks[0]


def _registered_reader(path: Path) -> Callable[[Path], Iterator[CommittedBatch]] | None:
    """The reader that some package registered for this file, by the keys of its first line."""
    first_file = min(path.glob("*.jsonl")) if path.is_dir() else path
    with first_file.open(encoding="utf-8") as file:
        line = file.readline()
    try:
        keys = json.loads(line)
    except ValueError:
        return None
    if not isinstance(keys, dict):
        return None
    for entry in entry_points(group=READERS):
        if entry.name in keys:
            return cast("Callable[[Path], Iterator[CommittedBatch]]", entry.load())
    if "_segment" in keys:
        raise EnvironmentProblem(f"No installed package reads {str(path)!r}; install the one that wrote it")
    return None


def _as_batch(batch: CommittedBatch) -> Batch:
    events = tuple(batch.events)
    phase = events[0].message_source if events else MessageSource.SNAPSHOT
    return Batch(session_id=batch.session_id, phase=phase, is_snapshot_end=batch.is_snapshot_end, events=events)


def _batches(path: Path, file: TextIO) -> Iterator[Batch]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            batch = _batch(json.loads(line))
        except ValidationError as err:
            what = "; ".join(map(str, field_problems(err)))
            raise CheckFailed(f"Line {number} of {str(path)!r} is no valid event: {what}") from err
        except ValueError as err:
            raise CheckFailed(f"Line {number} of {str(path)!r} is no event: {err}") from err
        yield batch


def _batch(data: Any) -> Batch:
    if isinstance(data, dict) and "events" in data:
        events = tuple(parse_event(event) for event in data["events"])
        return Batch.model_validate(data | {"events": events})
    dead_letter = isinstance(data, dict) and "event" in data
    event = parse_event(data["event"] if dead_letter else data)
    session_id = str(data.get("session_id", "")) if dead_letter else ""
    return Batch(session_id=session_id, phase=event.message_source, events=(event,))
