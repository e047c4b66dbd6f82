"""The opening of an audit in the dialect of agent 0.8: what lets the released view begin before anything is listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from fustor_event_model import EventBase

__all__ = ["is_opening", "without_opening"]

_T = TypeVar("_T")


def is_opening(event: object) -> bool:
    """Whether it says nothing but that the root is there: its only row is that of `/`, with `audit_skipped`."""
    rows = event.rows if isinstance(event, EventBase) else []
    row = rows[0] if len(rows) == 1 else None
    return isinstance(row, dict) and row.get("path") == "/" and row.get("audit_skipped") is True


def without_opening(items: Iterable[_T]) -> Iterator[_T]:
    """The items of an audit from the first one that says more; where none does, the last event alone."""
    rest: Iterator[Any] = iter(items)
    last = None
    for item in rest:
        if not _opens(item):
            yield item
            break
        last = item if item[0] is not None else last
    else:
        if last is not None:
            yield last
    yield from rest


def _opens(item: Any) -> bool:
    if not isinstance(item, tuple):
        return False
    event, stamps = item if len(item) == len(("event", "stamps")) else (item, None)
    return stamps == {} and (event is None or is_opening(event))
