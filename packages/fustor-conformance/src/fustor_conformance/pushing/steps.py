"""What a host does to a pusher, in words that can be drawn, shortened and printed; paths are below a history's root."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource, TableLayout, event_class, parent_of

__all__ = ["Begin", "Phase", "Push", "Row", "Step", "Together", "Told", "events_of", "rows_of", "script"]

_TIME = 1_700_000_000.0
_SHOWN = 12

Phase: TypeAlias = Literal["realtime", "snapshot", "audit"]


@dataclass(frozen=True)
class Row:
    """One row; `at` is its mtime in seconds after a fixed one, `more` goes into it as it is."""

    path: str
    size: int | None = 1
    at: float = 10
    container: bool = False
    skipped: bool = False
    record: Mapping[str, Any] | None = None
    more: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        marks = ["container"] * self.container + ["audit_skipped"] * self.skipped
        record = [] if self.record is None else [f"record {self.record!r}"]
        size = [] if self.container or self.size is None else [f"size {self.size}"]
        return f"{self.path or '.'} ({', '.join([*size, f'mtime +{self.at:g}', *marks, *record])})"


@dataclass(frozen=True)
class Told:
    """One event."""

    source: MessageSource
    rows: tuple[Row, ...] = ()
    kind: EventType = EventType.UPDATE
    index: int = -1
    signal: LifecycleSignal | None = None
    layout: TableLayout | None = None

    def __str__(self) -> str:
        if self.signal is not None:
            return str(self.signal.value)
        index = f" at {self.index}" if self.index >= 0 else ""
        rows = ", ".join(map(str, self.rows[:_SHOWN])) or "without rows"
        if len(self.rows) > _SHOWN:
            rows += f", and {len(self.rows) - _SHOWN} more"
        return f"{self.source.value} {self.kind.value}{index}: {rows}"


@dataclass(frozen=True)
class Begin:
    """A new session: on the same instance, on a new one, or on a new one while the old one was left open."""

    instance: Literal["same", "new", "left"] = "new"
    resumed: bool = False

    def __str__(self) -> str:
        how = {"same": "", "new": " on a new instance", "left": " on a new instance, the old one not closed"}
        return f"session{how[self.instance]}, {'resumed' if self.resumed else 'which takes a snapshot'}"


@dataclass(frozen=True)
class Push:
    """One call of push; `again` says that it repeats the last one of its phase, as after a lost reply."""

    events: tuple[Told, ...] = ()
    phase: Phase = "realtime"
    end: bool = False
    again: bool = False

    def __str__(self) -> str:
        what = "; ".join(map(str, self.events)) or "nothing"
        return f"push{' again' if self.again else ''} ({self.phase}{', is_snapshot_end' if self.end else ''}) {what}"


@dataclass(frozen=True)
class Together:
    """Two pushes at once, of two phases."""

    first: Push
    second: Push

    def __str__(self) -> str:
        return f"at once: {self.first}  |  {self.second}"


Step: TypeAlias = Begin | Push | Together


def events_of(push: Push, root: str) -> list[EventBase]:
    """Fresh events of one push, below `root`."""
    return [_event(told, root) for told in push.events]


def _event(told: Told, root: str) -> EventBase:
    rows = list(rows_of(told, root))
    return event_class(told.kind)(
        event_type=told.kind,
        fields=list(dict.fromkeys(name for row in rows for name in row)),
        rows=rows,
        index=told.index,
        event_schema="kit" if any("record" in row for row in rows) else "fs",
        table="",
        message_source=told.source,
        signal=told.signal,
        layout=told.layout,
    )


def rows_of(told: Told, root: str) -> Iterator[dict[str, Any]]:
    """The rows of an event, below `root`."""
    for row in told.rows:
        path = f"{root}/{row.path}" if row.path else root or "/"
        mtime = _TIME + row.at
        yield {
            "path": path,
            "file_name": posixpath.basename(path),
            "parent_path": parent_of(path),
            "is_directory": row.container,
            "size": None if told.kind is EventType.DELETE else row.size,
            "mtime": mtime,
            "modified_time": mtime,
            **({"parent_mtime": mtime} if told.source is MessageSource.AUDIT else {}),
            **({"audit_skipped": True} if row.skipped else {}),
            **({} if row.record is None else {"record": _copied(row.record)}),
            **(_copied(row.more) if row.more else {}),
        }


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def script(steps: Sequence[Step]) -> str:
    """The steps, one a line, as a report shows them."""
    return "".join(f"\n    {number}. {step}" for number, step in enumerate(steps, 1))
