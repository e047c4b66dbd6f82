"""Rows as Spark sees them: the columns of `fustor_driver.engines`, with `layout` and `row` as JSON text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from pydantic_core import from_json, to_json

from fustor_core.exceptions import ConfigError
from fustor_driver.engines import COLUMNS, FlatRow, flat_rows
from fustor_event_model import EventBase

__all__ = ["BATCH_ROWS", "SCHEMA", "arrow_batch", "arrow_batches", "flat_row", "read_batches", "require_columns"]

_TYPES = {"position": "bigint", "mtime": "double", "size": "bigint", "parent_mtime": "double"}
_ARROW = {"bigint": pa.int64(), "double": pa.float64(), "string": pa.string()}
SCHEMA = ", ".join(f"`{name}` {_TYPES.get(name, 'string')}" for name in COLUMNS)
"""The columns of every source, as Spark writes a schema."""
_ARROW_SCHEMA = pa.schema([(name, _ARROW[_TYPES.get(name, "string")]) for name in COLUMNS])
_JSON = (-2, -1)  # `layout` and `row`
BATCH_ROWS = 10_000
"""Of these a batch has enough to be worth its while."""


def arrow_batches(events: Iterable[EventBase], max_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of events, in order, in batches of at least `max_rows` but for the last one."""
    rows: list[FlatRow] = []
    for event in events:
        rows += flat_rows(event)
        if len(rows) >= max_rows:
            yield arrow_batch(rows)
            rows = []
    if rows:
        yield arrow_batch(rows)


def arrow_batch(rows: Sequence[FlatRow]) -> pa.RecordBatch:
    """Some rows, at least one, as Spark takes them."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for at in _JSON:
        columns[at] = [None if value is None else to_json(value).decode() for value in columns[at]]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _ARROW_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_ARROW_SCHEMA)


def read_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[FlatRow]:
    """The rows of batches that have the columns in any order."""
    for batch in batches:
        columns = [batch.column(batch.schema.get_field_index(name)).to_pylist() for name in COLUMNS]
        yield from map(flat_row, zip(*columns, strict=True))


def flat_row(values: Sequence[Any]) -> FlatRow:
    """One row from its values in the order of the columns."""
    *plain, layout, row = values
    return FlatRow._make([*plain, from_json(layout) if layout is not None else None, from_json(row)])


def require_columns(names: Sequence[str]) -> None:
    """Return if a DataFrame has the columns that a pusher is written from.

    Raises:
        ConfigError: it lacks some, or has others.
    """
    if sorted(names) != sorted(COLUMNS):
        raise ConfigError(
            f"A DataFrame for a pusher has the columns {', '.join(COLUMNS)}, and no others; this one has "
            f"{', '.join(names)}"
        )
