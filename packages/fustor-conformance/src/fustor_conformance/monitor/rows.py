"""Rows: which fields they have, of which types and forms their values are, and whether their table is declared so."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from fustor_conformance.monitor.finding import Finding, Told
from fustor_event_model import EventType, MessageSource, TableLayout

__all__ = ["as_declared", "complete_fields", "fields_are_keys", "finite_types", "is_finite", "is_path", "named_by_path"]

_ALWAYS = frozenset({"path", "mtime", "size"})
_PLAIN = re.compile(r"[\w .-]+")
_OF_AUDITS = frozenset({"parent_path", "parent_mtime"})
_OF_FILES = frozenset({"file_name", "modified_time", "is_directory", "parent_path"})
_WITH_LENGTH = re.compile(r"\(\s*\d")
_ASCII = re.compile(r"[A-Za-z0-9 _.-]+")
_ENOUGH = 3
"""Rows that all have the same column in their path, so that this is no chance."""


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
    is_skipped = row.get("audit_skipped") is True and is_finite(mtime)
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
            return None if is_finite(value) else "is not a finite number"
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


def is_finite(value: object) -> bool:
    """Whether it is a number, and a finite one."""
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


def as_declared(told: Told) -> Iterator[Finding]:
    """E17: what a layout says of the rows of its own event."""
    layout = told.event.layout
    if not isinstance(layout, TableLayout):
        return
    if long := {name: text for name, text in layout.columns.items() if _WITH_LENGTH.search(text)}:
        yield Finding("E17", f"{told.where} has types with a length in its layout: {long}", layout)
    if odd := sorted(layout.labels.keys() - layout.columns.keys()):
        yield Finding("E17", f"{told.where} has labels of {odd} in its layout, which are none of its columns", layout)
    rows = [(where, row, row["record"]) for where, row in told.rows() if isinstance(row.get("record"), Mapping)]
    for where, row, record in rows:
        if odd := sorted(map(str, record.keys() - layout.columns.keys())):
            yield Finding("E17", f"{where} has {odd} in its record, which its layout does not know", layout, row)
        yield from _in_path(where, row, record, layout)
    yield from _another_key(told, [(row, record) for _, row, record in rows], layout)


def _in_path(where: str, row: dict[str, Any], record: Mapping[str, Any], layout: TableLayout) -> Iterator[Finding]:
    """As many parts as the key has columns, and each of them what the record says, where its form is plain."""
    parts = _parts(row)
    if not layout.key or not parts:
        return
    if len(parts) != len(layout.key):
        yield Finding("E17", f"{where}: {row['path']!r} does not have one part for each of {layout.key}", layout)
        return
    for name, part in zip(layout.key, parts, strict=True):
        expected = _plain(record.get(name))
        if expected is not None and unquote(part) != expected:
            yield Finding("E17", f"{where}: {row['path']!r} has {part!r} for {name!r}, which is {expected!r}", row)


def _another_key(
    told: Told, rows: list[tuple[dict[str, Any], Mapping[str, Any]]], layout: TableLayout
) -> Iterator[Finding]:
    """A key that is none of the columns, where another column is what every path has."""
    if len(layout.key) != 1 or layout.key[0] in layout.columns or len(rows) < _ENOUGH:
        return
    for name in layout.columns:
        if all(list(map(unquote, _parts(row))) == [_plain(record.get(name))] for row, record in rows):
            seen = f"{told.where} names {layout.key[0]!r} as its key, and every path has {name!r}"
            yield Finding("E17", seen, layout, rows[0][0])


def _parts(row: dict[str, Any]) -> list[str]:
    path = row.get("path")
    return path.rpartition("/")[2].split(",") if isinstance(path, str) else []


def _plain(value: object) -> str | None:
    """What a path spells, encoded, of a key column; None where sources may differ in that."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return text if _ASCII.fullmatch(text := str(value)) else None
