"""Family E: every event of every phase, looked at by itself."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from fustor_conformance._reading import rows_of
from fustor_conformance._recording import AUDIT, recording
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import HostileKeys
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, EventType, MessageSource

_ATTRIBUTES: dict[str, type] = {
    "event_type": EventType,
    "fields": list,
    "rows": list,
    "index": int,
    "event_schema": str,
    "table": str,
    "message_source": MessageSource,
}
_KEYS = (
    "plain",
    "with space",
    "per%cent",
    "ünï-漢字",
    "quo'te\"",
    "com,ma",
    "semi;colon",
    "line\nbreak",
    "back\\slash",
)
_BATCH_SIZES = (1, 2, 7)
_ENOUGH_ROWS = 9


@check("E01")
def seven_attributes(subject: SourceSubject) -> int:
    """An EventBase, with the types that hosts rely on."""
    seen = 0
    for _, where, event in recording(subject).told():
        seen += 1
        if not isinstance(event, EventBase):
            raise Broken(f"{where} is {type(event).__name__}, not an EventBase", event)
        for name, kind in _ATTRIBUTES.items():
            if not isinstance(value := getattr(event, name), kind) or isinstance(value, bool):
                raise Broken(f"{where} has {name}={value!r}, not {kind.__name__}", event)
    return seen


@check("E02")
def source_of_phase(subject: SourceSubject) -> int:
    """Each phase's own message_source."""
    seen = 0
    for source, where, event in recording(subject).told():
        seen += 1
        if event.message_source != source:
            raise Broken(f"{where} says {event.message_source!r}, not {source.value!r}", event)
    return seen


@check("E03")
def source_in_json(subject: SourceSubject) -> int:
    """The text that a consumer on the other side of a wire reads."""
    seen = 0
    for _, where, event in recording(subject).told():
        if not event.rows:
            continue
        seen += 1
        dumped = event.model_dump(mode="json").get("message_source")
        if dumped != str(event.message_source):
            raise Broken(f"{where} carries message_source={dumped!r} in JSON, not {str(event.message_source)!r}", event)
        if "message_source" not in event.model_fields_set:
            raise Broken(f"{where} leaves its message_source to the default", event)
    return seen


@check("E04")
def fields_are_keys(subject: SourceSubject) -> int:
    """Keys and fields, row by row."""
    seen = 0
    for event, where, row in recording(subject).rows():
        seen += 1
        if not isinstance(row, dict):
            raise Broken(f"{where} is {type(row).__name__}, not a dict", row)
        if len(event.fields) != len(set(event.fields)) or row.keys() != set(event.fields):
            odd = sorted(set(event.fields) ^ row.keys()) or "a field twice"
            raise Broken(f"{where} and the event's fields differ in {odd}", event.fields, row)
    for _, where, event in recording(subject).told():
        if not event.rows and event.signal is None:
            raise Broken(f"{where} has no rows, and is no signal", event)
    return seen


@check("E05")
def row_fields(subject: SourceSubject) -> int:
    """What each phase and each schema must carry."""
    seen = 0
    for event, where, row in recording(subject).rows():
        seen += 1
        needed = {"path", "mtime", "size"}
        if event.message_source is MessageSource.AUDIT:
            needed |= {"parent_path", "parent_mtime"}
        if event.event_schema == "fs":
            needed |= {"file_name", "modified_time", "is_directory", "parent_path"}
        if lacking := needed - row.keys():
            raise Broken(f"{where} lacks {sorted(lacking)}", row)
        if event.event_schema == "fs" and row["modified_time"] != row["mtime"]:
            raise Broken(f"{where} has modified_time {row['modified_time']!r}, its mtime is {row['mtime']!r}", row)
    return seen


@check("E06")
def finite_types(subject: SourceSubject) -> int:
    """Values that can be compared."""
    seen = 0
    for event, where, row in recording(subject).rows():
        seen += 1
        for name, value in row.items():
            if fault := _fault(name, value, deleted=event.event_type is EventType.DELETE):
                raise Broken(f"{where}: {name}={value!r} {fault}", row)
    return seen


def _fault(name: str, value: object, *, deleted: bool) -> str | None:
    if name == "path":
        return None if _is_path(value) else "is not an absolute path with single slashes and none at its end"
    if name in ("parent_path", "file_name"):
        return None if isinstance(value, str) else "is not text"
    if name in ("mtime", "modified_time", "parent_mtime"):
        return None if _is_finite(value) else "is not a finite number"
    if name == "size" and not (deleted and value is None):
        return None if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else "is no size"
    if name in ("is_directory", "audit_skipped", "is_atomic_write"):
        return None if isinstance(value, bool) else "is not a bool"
    return None


def _is_path(value: object) -> bool:
    if not isinstance(value, str) or not value.startswith("/"):
        return False
    return value == "/" or all(part not in ("", ".", "..") for part in value[1:].split("/"))


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@check("E07")
def safe_in_json(subject: SourceSubject) -> int:
    """Names that hurt."""
    with subject.world() as world, subject.driver(world) as driver:
        keys = (*_KEYS, *(world.hostile_keys if isinstance(world, HostileKeys) else ()))
        with subject.stream(driver) as stream:
            paths = [world.create(key) for key in keys]
            stream.require(paths)
        snapshot = list(driver.get_snapshot_iterator())
        for event in (*snapshot, *stream.events):
            _require_json(event)
    if lacking := set(paths) - {row["path"] for row in rows_of(snapshot)}:
        raise Broken("The snapshot leaves out some names", *sorted(lacking))
    if 1 < len(set(paths)) < len(keys):
        raise Broken("Two names became one path", *sorted(paths))
    return len(paths)


def _require_json(event: EventBase) -> None:
    try:
        json.dumps(event.model_dump(mode="json"), allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, TypeError) as error:
        raise Broken(f"An event cannot be sent: {error}", *event.rows[:3]) from error


@check("E08")
def schema_and_table(subject: SourceSubject) -> int:
    """What the consumer routes by."""
    seen = 0
    for event, where, row in recording(subject).rows():
        seen += 1
        schema, table = event.event_schema, event.table
        if not schema or schema.startswith("/") or "://" in schema:
            raise Broken(f"{where} has event_schema={schema!r}, which is no name", event)
        if schema == "fs" and table:
            raise Broken(f"{where} has table={table!r}, though files have none", event)
        home = f"/{quote(schema, safe='')}/{quote(table, safe='')}"
        if table and row["path"] != home and not row["path"].startswith(f"{home}/"):
            raise Broken(f"{where} is of {schema}.{table}, but its path is {row['path']!r}, not below {home!r}", event)
    return seen


@check("E09")
def batch_size(subject: SourceSubject) -> int:
    """The limit holds, and nothing falls off its edge."""
    seen = 0
    with subject.world() as world, subject.driver(world) as driver:
        for number in range(_ENOUGH_ROWS):
            world.create(f"kit-{number}")
        everything = sorted(row["path"] for row in rows_of(driver.get_snapshot_iterator()))
        for size in _BATCH_SIZES:
            events = list(driver.get_snapshot_iterator(batch_size=size))
            seen += _require_small(events, size)
            if sorted(row["path"] for row in rows_of(events)) != everything:
                raise Broken(f"With batch_size={size} the snapshot tells other rows than without", *events[-2:])
            if AUDIT in subject.capabilities:
                seen += _require_small(_audited(driver, size), size)
    return seen


def _audited(driver: SourceDriver, size: int) -> list[EventBase]:
    return [item for item in driver.get_audit_iterator(batch_size=size) if isinstance(item, EventBase)]


def _require_small(events: Iterable[EventBase], size: int) -> int:
    seen = 0
    for number, event in enumerate(events):
        seen += 1
        if len(event.rows) > size:
            raise Broken(f"Event {number} has {len(event.rows)} rows, batch_size is {size}", event)
    return seen


@check("E10")
def fresh_objects(subject: SourceSubject) -> int:
    """Nothing is yielded twice, whatever the host does to it."""
    with subject.world() as world, subject.driver(world) as driver:
        path, *_ = [world.create(f"kit-{number}") for number in range(5)]
        with subject.stream(driver) as stream:
            for number in range(3):
                if "modify" in world.operations:
                    world.modify(path)
                stream.require([world.create(f"kit-late-{number}")])
        told = [_spoiled(driver), _spoiled(driver)]
        kept: list[Any] = [*stream.events, *(event for events, _ in told for event in events)]
        rows = [*rows_of(stream.events), *(row for _, rows in told for row in rows)]
        for name, things in {"event": kept, "row": rows}.items():
            if len({id(thing) for thing in things}) < len(things):
                raise Broken(f"One {name} object was yielded twice", *things[:2])
        first, second = ({row.get("path") for row in rows} for _, rows in told)
        if first != second:
            raise Broken("After the host replaced rows and fields, the next snapshot tells others", *(first ^ second))
    return len(kept)


def _spoiled(driver: SourceDriver) -> tuple[list[EventBase], list[dict[str, Any]]]:
    """The events and rows of a snapshot, each event changed at once as a mapping host changes it."""
    events, rows = [], []
    for event in driver.get_snapshot_iterator(batch_size=2):
        rows += event.rows
        events.append(event)
        event.rows = [{"mapped": True}]
        event.fields = ["mapped"]
    return events, rows
