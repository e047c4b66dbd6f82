"""How an event says that its table is declared: types, key, and the columns that its records have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from fustor_conformance.monitor.finding import Finding, Told
from fustor_event_model import TableLayout

__all__ = ["as_declared"]

_WITH_LENGTH = re.compile(r"\(\s*\d")
_PLAIN = re.compile(r"[A-Za-z0-9 _.-]+")
_ENOUGH = 3
"""Rows that all have the same column in their path, so that this is no chance."""


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
    return text if _PLAIN.fullmatch(text := str(value)) else None
