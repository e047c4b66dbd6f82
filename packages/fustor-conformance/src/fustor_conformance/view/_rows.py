"""Rows, parsed once where they enter the view; of a partial record, what the row leaves out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fustor_event_model import EventBase

Parts: TypeAlias = tuple[str, ...]
"""The names that lead from the root to a thing; the root itself is the empty tuple."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, with what the view decides by read out of it; `data` is a copy of all its fields.

    `told` is None where the record is known whole. Otherwise it names the columns that realtime has reported, while the
    snapshot's row, which has the others, is still to come.
    """

    path: str
    parts: Parts
    mtime: float
    is_container: bool
    is_skipped: bool
    is_partial: bool
    data: Mapping[str, Any]
    told: frozenset[str] | None = None


def split_path(path: object) -> Parts:
    """The names in an absolute path; raise ValueError for anything else."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError(f"Path {path!r} is not absolute; start it with '/'")
    if path == "/":
        return ()
    parts = tuple(path[1:].split("/"))
    if "" in parts:
        raise ValueError(f"Path {path!r} has an empty name in it; use single slashes and none at the end")
    return parts


def join_path(parts: Parts) -> str:
    """The path that `split_path` takes apart."""
    return "/" + "/".join(parts)


def parse_rows(event: EventBase) -> list[Row]:
    """The rows of an event, copied; raise ValueError before anything was used if one is malformed."""
    return list(map(_parsed, event.rows))


def _parsed(row: object) -> Row:
    if not isinstance(row, Mapping):
        raise ValueError(f"Row {row!r} is not a mapping; send one dict a row")  # noqa: TRY004 - malformed data
    data = dict(row)
    path = data.get("path")
    return Row(
        path=str(path),
        parts=split_path(path),
        mtime=_mtime(data),
        is_container=data.get("is_directory") is True,
        is_skipped=data.get("audit_skipped") is True,
        is_partial=data.get("is_atomic_write") is False,
        data=data,
    )


def _mtime(row: Mapping[str, Any]) -> float:
    mtime = row.get("mtime")
    if isinstance(mtime, bool) or not isinstance(mtime, int | float) or not math.isfinite(mtime):
        raise ValueError(f"Row {row.get('path')!r} has mtime {mtime!r}; send finite seconds since the epoch")
    return float(mtime)


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
