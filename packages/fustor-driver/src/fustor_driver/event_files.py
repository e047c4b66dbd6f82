"""Files of events, as JSON Lines: plain events, dead letters, recordings, and what pushers wrote.

A package whose pusher writes files of its own registers a reader in the entry-point group `READERS`: the name is a
key of the first line of every such file, the value a function from a path to its committed batches, each with
`session_id`, `is_snapshot_end` and `events`. It vouches for what it yields: torn ends are left out, damage is raised.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError

from fustor_driver.configuration import field_problems
from fustor_driver.errors import CheckFailed, EnvironmentProblem, UsageProblem
from fustor_driver.redaction import safe_logger
from fustor_event_model import EventBase, EventType, MessageSource, event_class

__all__ = ["DEAD_LETTERS", "READERS", "Batch", "CommittedBatch", "parse_event", "read_batches", "read_events"]

READERS = "fustor_driver.event_readers"
DEAD_LETTERS = ".dead-letters.jsonl"
"""How the names of files of dead letters end: a line that a crash tore there does not give up the others."""
_LETTER_BEGINS = b'{"refused_at":'
_log = safe_logger("fustor_driver.events")


class Batch(BaseModel):
    """What one push carried; one line of a recording."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    phase: MessageSource
    is_snapshot_end: bool = False
    events: tuple[SerializeAsAny[EventBase], ...]


class CommittedBatch(Protocol):
    """What a registered reader yields."""

    session_id: str
    is_snapshot_end: bool
    events: Sequence[EventBase]


def read_events(path: Path) -> Iterator[EventBase]:
    """The events of a file in order, whatever wrote it. Errors as for `read_batches`."""
    for batch in read_batches(path):
        yield from batch.events


def read_batches(path: Path) -> Iterator[Batch]:
    """The pushes of a file, of standard input (`-`), or of a directory that a pusher wrote, in order.

    A plain event or a dead letter is a push of its own.

    Raises:
        UsageProblem: the file cannot be read.
        CheckFailed: a line is not an event; its number is named. Only what is torn in a file of dead letters, and
            a letter whose event JSON cannot carry, is passed over, with a warning.
        EnvironmentProblem: only the package that wrote the file can read it, and it is not installed.
        DriverError: a registered reader found damage.
    """
    path = Path("/dev/stdin") if str(path) == "-" else path
    try:
        path = _task_directory(path) if path.is_dir() else path
        _check_regular(path)
        reader = _registered_reader(path) if path.is_file() or path.is_dir() else None
        if reader is not None:
            yield from map(_as_batch, reader(path))
            return
        with path.open("rb") as file:
            yield from _batches(path, file)
    except (OSError, UnicodeDecodeError) as err:
        raise UsageProblem(f"Cannot read events from {str(path)!r}: {err}") from err


def parse_event(data: Any) -> EventBase:
    """An event from plain data.

    Raises:
        ValueError: it is not one; pydantic's ValidationError is one.
    """
    if not isinstance(data, dict) or "event_type" not in data:
        raise ValueError("an event is a mapping with an event_type")
    return event_class(EventType(data["event_type"])).model_validate(data)


def _task_directory(path: Path) -> Path:
    """The directory itself, or the only one below it that holds files of events."""
    if any(path.glob("*.jsonl")):
        return path
    tasks = sorted({file.parent for file in path.glob("*/*.jsonl")})
    if len(tasks) != 1:
        names = ", ".join(repr(task.name) for task in tasks) or "none"
        raise UsageProblem(f"The directory {str(path)!r} holds no .jsonl file; name one of its tasks: {names}")
    return tasks[0]


def _check_regular(path: Path) -> None:
    """A directory of files is read whole; a pipe among them would be waited for without an end."""
    if path.is_dir():
        for file in path.iterdir():
            if file.suffix == ".jsonl" and not file.is_file():
                raise UsageProblem(f"{str(file)!r} is not a regular file; take it away, or name the files one by one")


def _registered_reader(path: Path) -> Callable[[Path], Iterator[CommittedBatch]] | None:
    """The reader that some package registered for this file, by the keys of its first line."""
    first_file = min(path.glob("*.jsonl")) if path.is_dir() else path
    with first_file.open("rb") as file:
        line = file.readline()
    try:
        keys = json.loads(line)
    except (ValueError, RecursionError):
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


def _batches(path: Path, file: BinaryIO) -> Iterator[Batch]:
    letters = path.name.endswith(DEAD_LETTERS)
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            data = _json(line) if not letters else _whole_letter(line)
            if data is None:
                _log.warning("Line %d of %r is torn and is passed over; the others are read", number, str(path))
                continue
            if "event_as_text" in data:
                reason = data.get("not_json")
                _log.warning("Line %d of %r cannot be pushed and is passed over: %s", number, str(path), reason)
                continue
            letters = letters or "refused_at" in data
            batch = _batch(data)
        except ValidationError as err:
            what = "; ".join(map(str, field_problems(err)))
            raise CheckFailed(f"Line {number} of {str(path)!r} is not a valid event: {what}") from err
        except ValueError as err:
            raise CheckFailed(f"Line {number} of {str(path)!r} is not an event: {err}") from err
        yield batch


def _json(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except RecursionError as err:
        raise ValueError("it is nested too deep") from err
    if not isinstance(data, dict):
        raise ValueError("it is not a mapping")  # noqa: TRY004 - of a line, not of an argument
    return data


def _whole_letter(line: bytes) -> dict[str, Any] | None:
    """The letter of a line, the last one where others were torn before it; None where there is no whole one."""
    while line:
        try:
            return _json(line)
        except ValueError:
            _, found, rest = line[1:].partition(_LETTER_BEGINS)
            line = found + rest
    return None


def _batch(data: dict[str, Any]) -> Batch:
    if "events" in data:
        events = tuple(parse_event(event) for event in data["events"])
        return Batch.model_validate(data | {"events": events})
    dead_letter = "event" in data
    event = parse_event(data["event"] if dead_letter else data)
    session_id = str(data.get("session_id", "")) if dead_letter else ""
    return Batch(session_id=session_id, phase=event.message_source, events=(event,))
