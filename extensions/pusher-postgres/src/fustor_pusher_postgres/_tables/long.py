# ruff: noqa: S608 - texts are joined with each other; names are quoted by psycopg2.sql
"""Paths that are too long for an index of PostgreSQL: found by a digest, in a table below the one they belong to.

The table inherits from that one, so that whoever reads or deletes there does so here as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_pusher_postgres._tables.schema import OWN, qualified

__all__ = ["KEY", "LONG_PATH", "Place", "create_long", "fact_key", "has_long", "long_name", "places"]

_BYTES = 2_000
"""An entry of an index has room for 2,704."""
_IS_LONG = f"pg_catalog.octet_length({{path}}) > {_BYTES}"
_IS_SHORT = f"pg_catalog.octet_length({{path}}) <= {_BYTES}"
_DIGEST = "pg_catalog.sha256(pg_catalog.convert_to({path}, 'UTF8'))"
KEY = f"CASE WHEN {_IS_LONG} THEN pg_catalog.encode({_DIGEST}, 'hex') ELSE {{path}} END"
"""By what the table of facts finds a path."""
LONG_PATH = f"CASE WHEN {_IS_LONG} THEN {{path}} END"


def _is_long(path: str) -> bool:
    """Whether a path is too long for an index."""
    return len(path) > _BYTES // 4 and len(path.encode("utf-8", "surrogatepass")) > _BYTES


def has_long(paths: Collection[str]) -> bool:
    """Whether one of these paths is too long for an index."""
    return len(max(paths, key=len, default="")) > _BYTES // 4 and any(map(_is_long, paths))


def fact_key(path: str) -> str:
    """By what the table of facts finds a path."""
    return hashlib.sha256(path.encode()).hexdigest() if _is_long(path) else path


def long_name(number: int | str) -> str:
    """The table of the long paths of a table."""
    return f"{OWN}long_{number}"


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


def places(schema: str, name: str, number: int, *, has_long: bool) -> list[Place]:
    """Where rows of a table go."""
    table = qualified(schema, name)
    if not has_long:
        return [Place(table, None)]
    return [Place(table, is_long=False), Place(qualified(schema, long_name(number)), is_long=True)]


def create_long(cur: cursor, schema: str, name: str, number: int) -> None:
    """Create the table of the long paths of a table; what is there of them, where it could be compressed, moves."""
    parts = {"t": qualified(schema, name), "long": qualified(schema, long_name(number))}
    for statement in (
        "CREATE TABLE {long} (_digest pg_catalog.bytea PRIMARY KEY) INHERITS ({t})",
        "CREATE INDEX ON {long} USING hash (path)",
        "WITH moved AS (DELETE FROM ONLY {t} WHERE " + _IS_LONG.format(path="path") + " RETURNING *)"
        " INSERT INTO {long} SELECT moved.*, " + _DIGEST.format(path="moved.path") + " FROM moved",
    ):
        cur.execute(sql.SQL(statement).format(**parts))
