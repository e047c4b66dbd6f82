"""Rows and events, made by functions that are made for one table: no loop, no look-up, no validation.

Each has a plain counterpart with equal results: `dict(zip(names, values))` of `row_builder`, `Relation.any_row` of
`row_reader`, and the events' own constructors of `event_maker`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

from pydantic import BaseModel

from fustor_event_model import EventBase, EventType, MessageSource, event_class

Build = Callable[..., list[dict[str, Any]]]
ReadRow = Callable[[bytes, float], dict[str, Any] | None]
Make = Callable[[list[dict[str, Any]], int], EventBase]
"""Makes an event of rows and an index."""
FIRST = 8
"""Where the first value of a new tuple stands: behind kind, relation, `N` and the number of columns."""
_u32 = Struct(">I").unpack_from
_FIELDS_SET = set(EventBase.model_fields)  # one for all events: no assignment can add to it
_new = object.__new__
# the four places that every pydantic model keeps its state in
_set_values, _set_fields_set, _set_extra, _set_private = (
    vars(BaseModel)[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def row_builder(names: Sequence[str]) -> Build:
    """A function of mtime, overhead, paths, lengths and, for each column, its values, that makes rows of them.

    A row's size is its length without the overhead. Twice as quick as its counterpart.
    """
    variables = [f"v{number}" for number in range(len(names))]
    arguments = "".join(f", c{number}" for number in range(len(names)))
    # names enter as literals, written by repr: whatever a column is called, it stays a text
    record = ", ".join(f"{name!r}: {variable}" for name, variable in zip(names, variables, strict=True))
    source = (
        f"lambda mtime, overhead, paths, lengths{arguments}: ["
        f"{{'path': path, 'mtime': mtime, 'size': length - overhead, 'record': {{{record}}}}}"
        f" for {', '.join(['path', 'length', *variables])} in zip(paths, lengths{arguments})]"
    )
    build: Build = eval(source, {"__builtins__": {"zip": zip}})  # noqa: S307 - literals and numbered names only
    return build


def row_reader(
    container: str, columns: Sequence[tuple[str, Callable[[bytes], Any], bool]], key: Sequence[str]
) -> ReadRow:
    """A function of a message and an mtime that makes the row of the message's new tuple.

    It knows the ordinary case only, and returns None for the rest: a key that needs encoding, a value that the log does
    not repeat. `columns` are all of the relation's: the name, the converter, and whether a key of it needs no encoding.
    """
    names = [name for name, _, _ in columns]
    lines = ["def read(message, mtime):", f" end = {FIRST}", f" size = len(message) - {FIRST + 5 * len(columns)}"]
    for number, name in enumerate(names):
        lines += _value(number, is_key=name in key)
    keys = [names.index(name) for name in key]
    doubtful = [f"k{number}.isalnum()" for number in keys if not columns[number][2]]
    if doubtful:
        lines.append(f" if not ({' and '.join(doubtful)}): return None")
    path = " + b',' + ".join(f"k{number}" for number in keys)
    # names enter as literals, written by repr: whatever a column is called, it stays a text
    record = ", ".join(f"{name!r}: v{number}" for number, name in enumerate(names))
    path = f"{f'{container}/'!r} + ({path}).decode()"
    lines.append(f" return {{'path': {path}, 'mtime': mtime, 'size': size, 'record': {{{record}}}}}")
    scope: dict[str, Any] = {f"c{number}": convert for number, (_, convert, _) in enumerate(columns)}
    scope |= {"__builtins__": {"len": len}, "u32": _u32}
    exec("\n".join(lines), scope)  # noqa: S102 - literals and numbered names only
    read: ReadRow = scope["read"]
    return read


def _value(number: int, *, is_key: bool) -> list[str]:
    """Lines that read one value. NULL has no length; in a key it is not an ordinary case."""
    text = [
        " kind = message[end]",
        f" if kind == {ord('t')}:",
        "  start = end + 5",
        "  end = start + u32(message, end + 1)[0]",
    ]
    if is_key:
        return [*text, f"  k{number} = message[start:end]", f"  v{number} = c{number}(k{number})", " else: return None"]
    null = [f" elif kind == {ord('n')}:", f"  v{number} = None", "  end += 1", "  size += 4"]
    return [*text, f"  v{number} = c{number}(message[start:end])", *null, " else: return None"]


def event_maker(event_type: EventType, source: MessageSource, schema: str, table: str, fields: tuple[str, ...]) -> Make:
    """Makes events equal to those that the constructor makes of the same arguments; ten times quicker."""
    kind = event_class(event_type)
    template: dict[str, Any] = {
        "event_type": event_type,
        "fields": [],
        "rows": [],
        "index": -1,
        "event_schema": schema,
        "table": table,
        "message_source": source,
        "signal": None,
        "layout": None,
    }

    def make(rows: list[dict[str, Any]], index: int) -> EventBase:
        values = template.copy()
        values["fields"] = [*fields]
        values["rows"] = rows
        values["index"] = index
        event = _new(kind)
        _set_values(event, values)
        _set_fields_set(event, _FIELDS_SET)
        _set_extra(event, None)
        _set_private(event, None)
        return event

    return make


class CollectorPaused:
    """No search for cyclic garbage while a thousand fresh rows are made; it would take a third of the time.

    A context manager and not a generator, whose StopIteration would itself start a search.
    """

    def __enter__(self) -> None:
        self._was_enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was_enabled:
            gc.enable()
