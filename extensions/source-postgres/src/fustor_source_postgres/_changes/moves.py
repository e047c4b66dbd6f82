"""Rows of one table whose keys have changed: an old path goes, a new one comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fustor_source_postgres._changes.relation import Relation

Row = dict[str, Any]


@dataclass(slots=True)
class Moves:
    """Moves that are gathered: all that goes, then all that comes.

    That is the order of the log as long as no path goes that has come before.
    """

    relation: Relation
    gone: list[Row] = field(default_factory=list)
    here: list[Row] = field(default_factory=list)
    bytes: int = 0
    _arrived: set[str] = field(default_factory=set)

    def add(self, gone: Row, here: Row, length: int) -> None:
        """Add one."""
        self.gone.append(gone)
        self.here.append(here)
        self.bytes += length
        self._arrived.add(here["path"])

    def has_brought(self, row: Row) -> bool:
        """Whether the path of this row has come."""
        return row["path"] in self._arrived

    def left(self) -> list[Row]:
        """Rows that go and do not come back."""
        return [row for row in self.gone if not self.has_brought(row)]
