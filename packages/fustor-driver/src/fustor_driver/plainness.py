"""Whether JSON can carry an event as it is, and how to write down one that it cannot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from fustor_driver.errors import NotConformant
from fustor_event_model import EventBase, TableLayout

__all__ = ["as_text", "event_json", "unplain"]

_MAX_DEPTH = 200
_MAX_INT_BITS = 14_000  # Python reads no longer numbers back from text, by its default limit of 4,300 digits
_MAX_TEXT = 16_000_000
_ATOMS = (bool, int, type(None), Decimal, date, datetime, time)


def event_json(event: EventBase) -> str:
    """The event as one line of JSON, exactly.

    Raises:
        NotConformant: JSON cannot carry it; the first reason is named.
    """
    reason = unplain(event)
    if reason is not None:
        raise NotConformant(f"The source emitted an event that JSON cannot carry: {reason}")
    return event.model_dump_json()


def unplain(event: EventBase) -> str | None:
    """Why JSON cannot carry what is in an event, or None: the contract asks of every event that it can."""
    return _first(_unplain(value, set()) for value in _fields(event))


def _fields(event: EventBase) -> Iterator[Any]:
    """What an event has, and its layout, for all that it is made without being looked at."""
    for value in vars(event).values():
        yield vars(value) if isinstance(value, TableLayout) else value


def _unplain(value: Any, around: set[int]) -> str | None:
    """The same of a value that stands within containers with these identities."""
    if not isinstance(value, dict | list | tuple):
        return _unplain_atom(value)
    if id(value) in around:
        return "something that contains itself"
    if len(around) > _MAX_DEPTH:
        return f"more than {_MAX_DEPTH} levels"
    around.add(id(value))
    keys, items = (value, value.values()) if isinstance(value, dict) else ((), value)
    reason = _first(map(_unplain_key, keys)) or _first(_unplain(one, around) for one in items)
    around.discard(id(value))
    return reason


def _first(reasons: Iterable[str | None]) -> str | None:
    return next(filter(None, reasons), None)


def _unplain_key(key: object) -> str | None:
    return _unplain_atom(key) if isinstance(key, str) else f"a key of type {type(key).__name__}"


def _unplain_atom(value: object) -> str | None:
    if isinstance(value, str):
        return None if value.isascii() or _is_text(value) else "a text that is not valid Unicode"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"the number {value}"
    if isinstance(value, int) and value.bit_length() > _MAX_INT_BITS:
        return f"an integer of {value.bit_length()} bits"
    return None if isinstance(value, _ATOMS) else f"a value of type {type(value).__name__}"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(event: object) -> str:
    """Everything that is in an event, in the notation of Python, whatever it is; ASCII, and cut after 16 MB."""
    parts: list[str] = []
    length = 0
    for part in _parts(vars(event) if hasattr(event, "__dict__") else event):
        parts.append(part)
        length += len(part)
        if length > _MAX_TEXT:
            parts.append("... (cut)")
            break
    return "".join(parts)


_CLOSE = object()


def _parts(root: object) -> Iterator[str]:
    """The text piece by piece, without recursion: how deep a value is nested must not matter here."""
    stack: list[tuple[object, object]] = [(root, "")]
    open_ids: dict[int, None] = {}
    while stack:
        value, before = stack.pop()
        if value is _CLOSE:
            open_ids.popitem()
            yield str(before)
            continue
        yield str(before)
        if isinstance(value, dict | list | tuple) and id(value) not in open_ids:
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            yield opening
            open_ids[id(value)] = None
            stack.append((_CLOSE, closing))
            stack += reversed(list(_items(value)))
        else:
            yield "..." if isinstance(value, dict | list | tuple) else _atom(value)


def _items(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> Iterator[tuple[object, str]]:
    comma = ""
    for item in value:
        if isinstance(value, dict):
            yield value[item], f"{comma}{_atom(item)}: "
        else:
            yield item, comma
        comma = ", "


def _atom(value: object) -> str:
    try:
        return hex(value) if isinstance(value, int) and value.bit_length() > _MAX_INT_BITS else ascii(value)
    except Exception as err:  # noqa: BLE001 - an object of a driver that cannot even describe itself is kept by its type
        return f"<{type(value).__name__}, which cannot be shown: {type(err).__name__}>"
