# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql
"""Paths: what a row has to say of its own, what is above and below, and where those too long for an index stand.

A path of more than 2,000 bytes is found by a digest, in a table below the one it belongs to. That table inherits from
the other one, so that whoever reads or deletes there does so here as well.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_event_model import parent_of

Key: TypeAlias = tuple[str, str]
"""`event_schema` and `table` of an event."""
_BYTES = 2_000
"""An entry of an index has room for 2,704."""
_IS_LONG = f"pg_catalog.octet_length({{path}}) > {_BYTES}"
_IS_SHORT = f"pg_catalog.octet_length({{path}}) <= {_BYTES}"
_DIGEST = "pg_catalog.sha256(pg_catalog.convert_to({path}, 'UTF8'))"
KEY = f"CASE WHEN {_IS_LONG} THEN pg_catalog.encode({_DIGEST}, 'hex') ELSE {{path}} END"
"""By what the table of facts finds a path."""
LONG_PATH = f"CASE WHEN {_IS_LONG} THEN {{path}} END"


class RowRefused(ValueError):  # noqa: N818 - it is refused, not faulty code
    """A row that no table can take; its text says why."""


def parse_row(row: object) -> tuple[str, float]:
    """The path and the `mtime` of a row.

    Raises:
        RowRefused: the row is not a mapping, or lacks an absolute path or a finite mtime.
    """
    if not isinstance(row, dict | Mapping):  # a dict is found at once
        raise RowRefused(f"Row {row!r} is not a mapping; send one dict a row")
    path, mtime = row.get("path"), row.get("mtime")
    if not isinstance(path, str) or not path.startswith("/"):
        raise RowRefused(f"Path {path!r} is not absolute; start it with '/'")
    if "\0" in path:
        raise RowRefused(f"Path {path!r} contains a NUL, which a text of a database cannot hold")
    if path != "/" and ("//" in path or path.endswith("/")):
        raise RowRefused(f"Path {path!r} has an empty name in it; use single slashes and none at the end")
    if isinstance(mtime, bool) or not isinstance(mtime, int | float):
        raise RowRefused(f"Row {path!r} has mtime {mtime!r}; send finite seconds since the epoch")
    if not _is_finite(mtime):
        raise RowRefused(f"Row {path!r} has an mtime that is not a finite float; send seconds since the epoch")
    return path, float(mtime)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond every float
        return False


def is_within(path: str, above: str) -> bool:
    """Whether a path is another one or below it."""
    return above in ("/", path) or path.startswith(above + "/")


def containers_of(path: str) -> Iterator[str]:
    """The containers above a path, from the lowest to the root."""
    while path != "/":
        path = parent_of(path)
        yield path


def bounds_below(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Bounds of what is below each of these paths: it is greater than the one and less than the other."""
    names = [path.rstrip("/") for path in paths]
    return [f"{name}/" for name in names], [f"{name}0" for name in names]


def _is_long(path: str) -> bool:
    """Whether a path is too long for an index."""
    return len(path) > _BYTES // 4 and len(path.encode("utf-8", "surrogatepass")) > _BYTES


def has_long(paths: Collection[str]) -> bool:
    """Whether one of these paths is too long for an index."""
    return len(max(paths, key=len, default="")) > _BYTES // 4 and any(map(_is_long, paths))


def fact_key(path: str) -> str:
    """By what the table of facts finds a path."""
    return hashlib.sha256(path.encode()).hexdigest() if _is_long(path) else path


@dataclass(frozen=True, slots=True)
class Place:
    """One relation that rows of a table are inserted into: it is for all paths, for short ones, or for long ones."""

    relation: sql.Composable
    is_long: bool | None

    def parts(self, read: str, inserted: str) -> dict[str, sql.Composable]:
        """The parts of a statement that inserts there, by where it reads a path and where the inserted one stands."""
        condition = {None: "", True: f" AND {_IS_LONG}", False: f" AND {_IS_SHORT}"}[self.is_long]
        return {
            "into": self.relation,
            "key": sql.SQL("_digest" if self.is_long else "path"),
            "digest": sql.SQL(", _digest" if self.is_long else ""),
            "digest_value": sql.SQL(f", {_DIGEST.format(path=inserted)}" if self.is_long else ""),
            "only": sql.SQL(condition.format(path=read)),
        }


def create_long(cur: cursor, table: sql.Composable, long: sql.Composable) -> None:
    """Create the table of the long paths of a table; what is there of them, where it could be compressed, moves."""
    for statement in (
        "CREATE TABLE {long} (_digest pg_catalog.bytea PRIMARY KEY) INHERITS ({t})",
        "CREATE INDEX ON {long} USING hash (path)",
        "WITH moved AS (DELETE FROM ONLY {t} WHERE " + _IS_LONG.format(path="path") + " RETURNING *)"
        " INSERT INTO {long} SELECT moved.*, " + _DIGEST.format(path="moved.path") + " FROM moved",
    ):
        cur.execute(sql.SQL(statement).format(t=table, long=long))
