"""Rows by themselves: which fields they have, and of which types and forms their values are."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterator
from typing import Any

from fustor_conformance.monitor.finding import Finding, Told
from fustor_event_model import EventType, MessageSource

__all__ = ["complete_fields", "fields_are_keys", "finite_types", "is_path", "named_by_path"]

_ALWAYS = frozenset({"path", "mtime", "size"})
_PLAIN = re.compile(r"[\w .-]+")
_OF_AUDITS = frozenset({"parent_path", "parent_mtime"})
_OF_FILES = frozenset({"file_name", "modified_time", "is_directory", "parent_path"})


def fields_are_keys(told: Told) -> Iterator[Finding]:
    """E04: every row is a dict whose keys are the event's fields; only what may be empty is empty."""
    event = told.event
    if not event.rows and event.signal is None and not told.may_be_empty:
        yield Finding("E04", f"{told.where} has no rows, and is not a signal", event)
    fields = set(event.fields)
    for number, row in enumerate(event.rows):
        where = f"{told.where}, row {number}"
        if not isinstance(row, dict):
            yield Finding("E04", f"{where} is {type(row).__name__}, not a dict", row)
        elif len(event.fields) != len(fields) or row.keys() != fields:
            odd = sorted(map(str, fields ^ row.keys())) or "a field twice"
            yield Finding("E04", f"{where} and the event's fields differ in {odd}", event.fields, row)


def complete_fields(told: Told) -> Iterator[Finding]:
    """E05: what each phase and each schema must carry."""
    needed = set(_ALWAYS)
    if told.event.message_source is MessageSource.AUDIT:
        needed |= _OF_AUDITS
    is_file = told.event.event_schema == "fs"
    if is_file:
        needed |= _OF_FILES
    for where, row in told.rows():
        if lacking := needed - row.keys():
            yield Finding("E05", f"{where} lacks {sorted(lacking)}", row)
        elif is_file and row["modified_time"] not in _times(row):
            seen = f"{where} has modified_time {row['modified_time']!r}, its mtime is {row['mtime']!r}"
            yield Finding("E05", seen, row)


def _times(row: dict[str, Any]) -> tuple[object, ...]:
    """What `modified_time` may be: `mtime`, or the number just below it where the row marks a container as skipped."""
    mtime = row["mtime"]
    is_skipped = row.get("audit_skipped") is True and _is_finite(mtime)
    return (mtime, math.nextafter(mtime, -math.inf)) if is_skipped else (mtime,)


def finite_types(told: Told) -> Iterator[Finding]:
    """E06: values that can be compared; a size of None on a delete, and only there."""
    deleted = told.event.event_type is EventType.DELETE
    is_file = told.event.event_schema == "fs"
    for where, row in told.rows():
        for name, value in row.items():
            if fault := _fault(name, value, deleted=deleted, is_file=is_file):
                yield Finding("E06", f"{where}: {name}={value!r} {fault}", row)


def _fault(name: str, value: object, *, deleted: bool, is_file: bool) -> str | None:
    match name:
        case "path":
            return (
                None
                if is_path(value, dots=not is_file)
                else "is not an absolute path with single slashes and none at its end"
            )
        case "parent_path" | "file_name":
            return None if isinstance(value, str) else "is not text"
        case "mtime" | "modified_time" | "parent_mtime":
            return None if _is_finite(value) else "is not a finite number"
        case "size":
            return _size_fault(value, deleted=deleted)
        case "is_directory" | "audit_skipped" | "is_atomic_write":
            return None if isinstance(value, bool) else "is not a bool"
        case _:
            return None


def is_path(value: object, *, dots: bool = False) -> bool:
    """Whether it is an absolute path with single slashes, no slash at its end, and no dots for parts.

    With `dots` they may be: percent-encoding leaves a key of a database as it is that is nothing but dots.
    """
    if not isinstance(value, str) or not value.startswith("/"):
        return False
    no_parts = ("",) if dots else ("", ".", "..")
    return value == "/" or all(part not in no_parts for part in value[1:].split("/"))


def _size_fault(value: object, *, deleted: bool) -> str | None:
    if deleted:
        return None if value is None else "is not None, though the event is a delete"
    is_size = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return None if is_size else "is not a size"


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def named_by_path(told: Told) -> Iterator[Finding]:
    """E11: parent_path and file_name, where a row has them, say the same as its path.

    A name that a path spells in another form is left alone.
    """
    for where, row in told.rows():
        path = row.get("path")
        if not is_path(path):
            continue
        for name, expected in _names(str(path), row).items():
            if isinstance(row.get(name), str) and row[name] != expected:
                yield Finding("E11", f"{where}: {path!r} has {name} {row[name]!r}, not {expected!r}", row)


def _names(path: str, row: dict[str, Any]) -> dict[str, str]:
    parent = {"parent_path": "" if path == "/" else posixpath.dirname(path)} if "parent_path" in row else {}
    last = posixpath.basename(path)
    name = {"file_name": last} if "file_name" in row and _PLAIN.fullmatch(last) else {}
    return parent | name
