"""Events by themselves: their types, what each phase says, and whether they can be sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from urllib.parse import quote

from fustor_conformance.monitor.finding import Finding, Predicate, Told
from fustor_conformance.monitor.rows import as_declared, complete_fields, fields_are_keys, finite_types, named_by_path
from fustor_event_model import EventBase, EventType, MessageSource

__all__ = ["EVENT_PREDICATES", "look_at_event", "source_of_phase"]

_ATTRIBUTES: dict[str, type] = {
    "event_type": EventType,
    "fields": list,
    "rows": list,
    "index": int,
    "event_schema": str,
    "table": str,
    "message_source": MessageSource,
}


def seven_attributes(told: Told) -> Iterator[Finding]:
    """E01: an EventBase, with the types that hosts rely on."""
    event = told.event
    if not isinstance(event, EventBase):
        yield Finding("E01", f"{told.where} is {type(event).__name__}, not an EventBase", event)
        return
    for name, kind in _ATTRIBUTES.items():
        if not isinstance(value := getattr(event, name), kind) or isinstance(value, bool):
            yield Finding("E01", f"{told.where} has {name}={value!r}, not {kind.__name__}", event)


def source_of_phase(told: Told) -> Iterator[Finding]:
    """E02: each phase's own message_source; an event without rows may leave it out."""
    event = told.event
    left_out = not event.rows and "message_source" not in event.model_fields_set
    if event.message_source != told.phase and not left_out:
        yield Finding("E02", f"{told.where} says {event.message_source!r}, not {told.phase.value!r}", event)


def source_in_json(told: Told) -> Iterator[Finding]:
    """E03: the text that a consumer on the other side of a wire reads."""
    event = told.event
    if not event.rows:
        return
    if "message_source" not in event.model_fields_set:
        yield Finding("E03", f"{told.where} leaves its message_source to the default", event)
        return
    try:
        dumped = event.model_dump(mode="json").get("message_source")
    except (ValueError, TypeError):
        return  # E07 says so
    if dumped != str(event.message_source):
        seen = f"{told.where} carries message_source={dumped!r} in JSON, not {str(event.message_source)!r}"
        yield Finding("E03", seen, event)


def safe_in_json(told: Told) -> Iterator[Finding]:
    """E07: JSON in UTF-8, whatever the names and values; a number that is not finite would arrive as nothing."""
    for where, row in told.rows():
        if not _is_finite(row):
            yield Finding("E07", f"{where} holds a number that is not finite", row)
    try:
        json.dumps(told.event.model_dump(mode="json"), allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, TypeError) as err:
        yield Finding("E07", f"{told.where} cannot be sent: {err}", *told.event.rows[:3])


def _is_finite(value: object) -> bool:
    """Whether every number in it, at any depth, is finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return all(map(_is_finite, value)) if isinstance(value, list | tuple) else True


def schema_and_table(told: Told) -> Iterator[Finding]:
    """E08: what the consumer routes by."""
    event = told.event
    schema, table = event.event_schema, event.table
    if not event.rows:
        return
    if not schema or schema.startswith("/") or "://" in schema:
        yield Finding("E08", f"{told.where} has event_schema={schema!r}, which is not a name", event)
        return
    if schema == "fs" and table:
        yield Finding("E08", f"{told.where} has table={table!r}, though files have none", event)
    if event.layout is not None and not table:
        yield Finding("E08", f"{told.where} has the layout of a table, and does not say of which", event)
    if schema != "fs" and told.phase is MessageSource.SNAPSHOT:
        yield from _containers_of_files(told, schema)
    if table:
        yield from _below_table(told, schema, table)


def _containers_of_files(told: Told, schema: str) -> Iterator[Finding]:
    """In a snapshot only a file tree has rows of containers that were listed."""
    for where, row in told.rows():
        if row.get("is_directory") is True and not row.get("audit_skipped") and row.get("path") != "/":
            seen = f"{where} is a container in a snapshot, as file trees have them, and event_schema is {schema!r}"
            yield Finding("E08", f"{seen}, not 'fs'", row)


def _below_table(told: Told, schema: str, table: str) -> Iterator[Finding]:
    home = f"/{quote(schema, safe='')}/{quote(table, safe='')}"
    for where, row in told.rows():
        path = row.get("path")
        if isinstance(path, str) and path != home and not path.startswith(f"{home}/"):
            seen = f"{where} is of {schema}.{table}, but its path is {path!r}, not below {home!r}"
            yield Finding("E08", seen, told.event)


def small_enough(told: Told) -> Iterator[Finding]:
    """E09: no more rows than were asked for."""
    if told.batch_size is not None and len(told.event.rows) > told.batch_size:
        seen = f"{told.where} has {len(told.event.rows)} rows, batch_size is {told.batch_size}"
        yield Finding("E09", seen, told.event)


EVENT_PREDICATES: dict[str, Predicate] = {
    "E02": source_of_phase,
    "E03": source_in_json,
    "E04": fields_are_keys,
    "E05": complete_fields,
    "E06": finite_types,
    "E07": safe_in_json,
    "E08": schema_and_table,
    "E09": small_enough,
    "E11": named_by_path,
    "E17": as_declared,
}
"""What is asked of each event that is one, by the rule that it belongs to."""

_OF_ROWS = frozenset({"E03", "E05", "E06", "E08", "E11"})


def look_at_event(told: Told) -> tuple[list[Finding], dict[str, int]]:
    """The first breach of each rule in this event, and how often each rule was looked at."""
    if broken := list(seven_attributes(told)):
        return broken[:1], {"E01": 1}
    found = [next(predicate(told), None) for predicate in EVENT_PREDICATES.values()]
    rows = len(told.event.rows)
    counts = {rule_id: rows if rule_id in _OF_ROWS else 1 for rule_id in EVENT_PREDICATES}
    counts["E17"] = int(told.event.layout is not None)
    return [finding for finding in found if finding], {"E01": 1, **counts}
