"""Partial records: a realtime row that leaves out the columns that did not change.

Source: driver contract, section 8, point 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fustor_conformance.view._rows import Row


def complete(row: Row, known: Row | None, *, awaits_snapshot: bool) -> Row:
    """A realtime update with the columns that it leaves out taken from what is known of its path.

    Args:
        row: The update.
        known: What stands at the path, if anything does.
        awaits_snapshot: Whether this session knows nothing of the path yet, so that the snapshot's row is still to come
            and `known`, if there is one, is an earlier session's.
    """
    record, before = _record(row), _record(known)
    if record is None:
        return row
    told = frozenset(record) if awaits_snapshot else None
    if not awaits_snapshot and known is not None and known.told is not None:
        told = known.told.union(record)
    return replace(row, data={**row.data, "record": {**(before or {}), **record}}, told=told)


def supply(known: Row, row: Row) -> Row:
    """What realtime reported, with the columns that it has left out taken from the snapshot's row."""
    told, record, listed = known.told, _record(known), _record(row)
    if told is None or record is None or listed is None:
        return known
    left_out = {column: value for column, value in listed.items() if column not in told}
    realtime = {column: value for column, value in record.items() if column in told}
    return replace(known, data={**known.data, "record": {**left_out, **realtime}}, told=None)


def _record(row: Row | None) -> Mapping[str, Any] | None:
    record = None if row is None else row.data.get("record")
    return record if isinstance(record, Mapping) else None
