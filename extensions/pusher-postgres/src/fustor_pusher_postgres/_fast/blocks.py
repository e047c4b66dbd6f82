"""Plain rows of one table, checked and written out column by column: far cheaper than a look at each row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

from psycopg2 import sql

from fustor_event_model import EventBase, EventType, parent_of
from fustor_pusher_postgres._fast.columns import CopyColumn, Row, escaped, numbers, sizes
from fustor_pusher_postgres._tables.paths import Key, has_long

Item: TypeAlias = tuple[EventBase, list[Any]]
"""Rows, with the event that they came in."""
_FIRST_ROWS, _MOST_ROWS = 33, 100
NAMES = sql.SQL("event_index, path, mtime, size, is_directory")
"""The columns that the lines of a block begin with."""
_NUMBERS, _SIZES = {float, int}, {int, type(None)}


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of blocks."""

    own: list[str]
    above: dict[str, str]
    """Every container above a path, with the event_schema that it is reported under."""
    are_apart: bool
    """Whether every path is there once, and none is above another one unless it is a container."""

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> Self:
        """The paths of blocks."""
        own = [path for block in blocks for path in block.paths]
        above = _containers_above(blocks)
        are_apart = len({*own}) == len(own) and all(above.keys().isdisjoint(block.files()) for block in blocks)
        return cls(own, above, are_apart)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of different paths that all go into one table."""

    key: Key
    rows: list[Row]
    paths: list[str]
    mtimes: list[float]
    indexes: list[str]
    has_containers: bool
    is_update: bool
    """Whether their events are updates."""

    @property
    def has_skipped(self) -> bool:
        """Whether a container was not listed."""
        return True in [row.get("audit_skipped") for row in self.rows] and any(
            row.get("audit_skipped") is True for row in self.rows
        )

    def files(self) -> list[str]:
        """The paths that are not containers."""
        if not self.has_containers:
            return self.paths
        return [path for path, row in zip(self.paths, self.rows, strict=True) if row.get("is_directory") is not True]

    def parts(self) -> Iterator[Self]:
        """The same rows in blocks that go out one after the other."""
        start = 0
        for size in part_sizes():
            part = slice(start, start + size)
            if not self.rows[part]:
                return
            names = ("rows", "paths", "mtimes", "indexes")
            yield replace(self, **{name: getattr(self, name)[part] for name in names})
            start += size

    def lines(self, columns: Sequence[CopyColumn], *, file: str, container: str, ending: str) -> bytes:
        """The rows for COPY: `NAMES`, then these columns; what they are is `file` or `container`.

        Raises:
            ValueError: a value has no form in JSON or in UTF-8.
        """
        kinds = [file] * len(self.rows)
        if self.has_containers:
            kinds = [container if row.get("is_directory") is True else file for row in self.rows]
        texts = [self.indexes, escaped(self.paths), numbers(self.mtimes), sizes(self.rows), kinds]
        texts += [make(self.rows) for _, make in columns]
        return (ending.join(map("\t".join, zip(*texts, strict=True))) + ending).encode()


def part_sizes() -> Iterator[int]:
    """How many rows go out at a time: few at first, so that the server need not wait; then more, which are cheaper."""
    size = _FIRST_ROWS
    while True:
        yield size
        size = min(size * 3 // 2, _MOST_ROWS)


def blocks_of(items: Iterable[Item]) -> list[Block] | None:
    """The rows of these events in blocks; None where one is not plain: it may be one to refuse."""
    groups: dict[tuple[Key, bool], tuple[list[Row], list[str]]] = {}
    with_containers: set[Key] = set()
    for event, rows in items:
        if event.event_type is EventType.DELETE or set(map(type, rows)) != {dict}:
            return None
        containers = [row for row in rows if row.get("is_directory") is True]
        files = [row for row in rows if row.get("is_directory") is not True] if containers else rows
        for name, some in ((event.table, files), ("", containers)):
            key = (event.event_schema, name)
            known, indexes = groups.setdefault((key, event.event_type is EventType.UPDATE), ([], []))
            known += some
            indexes += [str(event.index)] * len(some)
        if containers:
            if event.event_type is EventType.UPDATE and any("record" in row for row in containers):
                return None  # what keeps a column depends on the order of the rows below it
            with_containers.add((event.event_schema, ""))
    blocks = [
        _block(key, *group, has_containers=key in with_containers, is_update=is_update)
        for (key, is_update), group in groups.items()
        if group[0]
    ]
    found = [block for block in blocks if block is not None]
    return found if len(found) == len(blocks) else None


def _containers_above(blocks: Iterable[Block]) -> dict[str, str]:
    above: dict[str, str] = {}
    for block in blocks:
        for place in {path[: path.rfind("/")] for path in block.paths}:
            container = place or "/"
            while container not in above:
                above[container] = block.key[0]
                container = parent_of(container)
    return above


def _block(key: Key, rows: list[Row], indexes: list[str], *, has_containers: bool, is_update: bool) -> Block | None:
    paths: list[Any] = [row.get("path") for row in rows]
    mtimes = _times([row.get("mtime") for row in rows])
    if (
        mtimes is None
        or not _are_paths(paths)
        or has_long(paths)
        or not {type(row.get("size")) for row in rows} <= _SIZES
    ):
        return None
    return Block(key, rows, paths, mtimes, indexes, has_containers, is_update)


def _are_paths(paths: list[Any]) -> bool:
    """Whether all are absolute paths, of which none is the root; some that are paths are not known as such."""
    try:
        text = "\n".join(paths)
    except TypeError:
        return False
    breaks = len(paths) - 1
    begins = text[:1] == "/" and text.count("\n") == breaks == text.count("\n/")
    return begins and text[-1:] != "/" and not any(wrong in text for wrong in ("//", "/\n", "\0"))


def _times(told: list[Any]) -> list[float] | None:
    """The times, where all are finite numbers; some that are have too large a sum to be known as such."""
    if not {*map(type, told)} <= _NUMBERS:
        return None
    try:
        times = [*map(float, told)]
    except OverflowError:
        return None
    return times if math.isfinite(sum(times)) else None
