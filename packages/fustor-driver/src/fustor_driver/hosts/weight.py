"""How much memory the rows of an event take, about: cheap enough to ask of every event."""

from __future__ import annotations

from typing import Any

from fustor_event_model import EventBase

__all__ = ["weigh"]

_EVENT, _ROW, _ITEM = 1_000, 300, 32
_SAMPLE = 5
_MAX_STEPS = 200
_SHORT = frozenset(
    {"path", "file_path", "file_name", "parent_path", "mtime", "modified_time", "created_time", "parent_mtime"}
    | {"size", "is_directory", "is_dir", "is_atomic_write", "audit_skipped"}
)
"""Fields that hold a name, a number or a bool: of a row with no others, the path says how long its texts are."""
_NAMES = 4
"""So many of the short fields repeat the path or a part of it."""


def weigh(event: EventBase) -> int:
    """Bytes, by the texts in the rows; of an event with many rows some are weighed, evenly spread.

    Rows with a `record` say in `size` how long their texts are (driver contract, section 3): none of those is missed.
    """
    rows = event.rows
    count = len(rows)
    if count == 1:  # most events of a stream: no call, no list
        row = rows[0]
        if row.__class__ is dict and _SHORT.issuperset(row) and (path := row.get("path")).__class__ is str:
            return _EVENT + _ROW + _NAMES * len(path)
        return _EVENT + _weigh_row(row)
    if count <= _SAMPLE:
        return _EVENT + sum(map(_weigh_row, rows))
    sample = rows[:: -(-count // _SAMPLE)]
    weight = sum(map(_weigh_row, sample)) * count // len(sample)
    first = rows[0]
    if first.__class__ is dict and "record" in first:
        weight = max(weight, _ROW * count + _declared_sizes(rows))
    return _EVENT + weight


def _declared_sizes(rows: list[Any]) -> int:
    try:
        return int(sum([row["size"] or 0 for row in rows]))
    except (KeyError, TypeError, ValueError, OverflowError):  # what the contract forbids says nothing
        return 0


def _weigh_row(row: Any) -> int:
    if row.__class__ is not dict:
        return _ROW + _weigh_nested([row])
    if _SHORT.issuperset(row) and (path := row.get("path")).__class__ is str:
        return _ROW + _NAMES * len(path)
    return _ROW + _weigh_fields(row)


def _weigh_fields(row: dict[str, Any]) -> int:
    total = 0
    for value in row.values():
        kind = value.__class__
        if kind is str or kind is bytes:
            total += len(value)
        elif kind is dict:
            total += _ITEM * len(value)
            nested = []
            for inner in value.values():
                kind = inner.__class__
                if kind is str or kind is bytes:
                    total += len(inner)
                elif kind is dict or kind is list:
                    nested.append(inner)
            if nested:
                total += _weigh_nested(nested)
        elif kind is list:
            total += _weigh_nested([value])
    return total


def _weigh_nested(stack: list[Any]) -> int:
    """Values with what is in them, at most so many steps deep or wide; the rest counts by its number."""
    total = 0
    for _ in range(_MAX_STEPS):
        if not stack:
            break
        value = stack.pop()
        if isinstance(value, str | bytes | bytearray):
            total += len(value)
        elif isinstance(value, dict | list | tuple):
            total += _ITEM * len(value)
            stack += list(value.values())[:_MAX_STEPS] if isinstance(value, dict) else value[:_MAX_STEPS]
    return total
