"""Tuples of the stream as rows, read by a function made for one relation: no loop, no look-up, one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

from fustor_source_postgres._rows.types import PLAIN_KEYS

ReadRow = Callable[[bytes, float], dict[str, Any] | None]

FIRST = 8
"""Where the first value of a new tuple stands: behind kind, relation, `N` and the number of columns."""
_u32 = Struct(">I").unpack_from


def row_reader(
    container: str, columns: Sequence[tuple[str, Callable[[bytes], Any], int]], key: Sequence[str]
) -> ReadRow:
    """A function of a message and an mtime that makes the row of the message's new tuple.

    It knows the ordinary case only, and returns None for the rest: a key that needs encoding, a value that the log does
    not repeat. `columns` are name, converter and type of all the relation's columns.
    """
    names = [name for name, _, _ in columns]
    lines = ["def read(message, mtime):", f" end = {FIRST}", f" size = len(message) - {FIRST + 5 * len(columns)}"]
    for number, name in enumerate(names):
        lines += _value(number, is_key=name in key)
    keys = [names.index(name) for name in key]
    doubtful = [f"k{number}.isalnum()" for number in keys if columns[number][2] not in PLAIN_KEYS]
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
    """Lines that read one value. NULL has no length; in a key it is no ordinary case."""
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
