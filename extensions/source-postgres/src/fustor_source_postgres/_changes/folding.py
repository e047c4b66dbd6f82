"""Changes of an enormous transaction, folded: of every path only what is last said, gathered by table.

A transaction is seen whole or not at all, so nobody misses the states in between; and one with millions of changes that
alternate between tables fits into the ordinals that an index has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fustor_source_postgres._changes.relation import Relation
from fustor_source_postgres._rows.events import Make

Row = dict[str, Any]


@dataclass(slots=True)
class Fold:
    """The last word on each path of one table, and the relation's own operation that says it."""

    relation: Relation
    rows: dict[str, tuple[Row, Make]] = field(default_factory=dict)
    bytes: int = 0

    def add(self, operation: Make, row: Row, length: int) -> None:
        """Let this row replace what was said of its path before.

        An update that leaves columns out cannot stand for the words before it, which may have told them: it is told as
        a new row, and a new row is told whole.
        """
        before = self.rows.get(row["path"])
        relation = self.relation
        if (
            operation is relation.updates
            and before is not None
            and (before[1] is not relation.updates or relation.is_partial(row))
        ):
            operation = relation.inserts
        self.rows[row["path"]] = row, operation
        self.bytes += length

    def told_by(self, operation: Make) -> list[Row]:
        """The rows of one operation."""
        return [row for row, last in self.rows.values() if last is operation]


class Folds:
    """Open folds by table, in the order in which their tables were met."""

    def __init__(self) -> None:
        self._open: dict[int, Fold] = {}

    def of(self, relation: Relation) -> Fold:
        """The fold of a table."""
        return self._open.setdefault(relation.described.oid, Fold(relation))

    def has(self, relation: Relation) -> bool:
        """Whether a table has a fold."""
        return relation.described.oid in self._open

    def take(self, relation: Relation) -> Fold:
        """The fold of a table, which begins anew."""
        return self._open.pop(relation.described.oid)

    def take_all(self) -> Iterator[Fold]:
        """Every fold; none is left."""
        while self._open:
            yield self._open.pop(next(iter(self._open)))
