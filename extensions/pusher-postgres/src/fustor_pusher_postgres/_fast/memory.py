"""What a process knows of a task since it pushed last."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from fustor_event_model import MessageSource
from fustor_pusher_postgres._fast.blocks import Paths
from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.refusals import Streak

__all__ = ["Forecast", "Memory", "Mistaken", "Sure"]

_NEWS_MIN, _NEWS_MAX = 1, 64


class Mistaken(ValueError):  # noqa: N818 - nobody's error: something is not what it was taken for
    """What is remembered does not hold, or rows are not as new as they looked; the transaction has to go."""


class Forecast:
    """Whether the next rows of a source are likely new: as the last ones were.

    After every mistake it wants to have seen twice as many pushes of new rows.
    """

    def __init__(self, wanted: int = _NEWS_MIN) -> None:
        """Want this many pushes of new rows at first."""
        self._seen = Counter[MessageSource]()
        self._wanted = dict.fromkeys(MessageSource, wanted)

    @classmethod
    def none(cls) -> Self:
        """One that never takes rows for new."""
        return cls(sys.maxsize)

    def is_new(self, source: MessageSource) -> bool:
        """Whether the next rows of this source are taken for new."""
        return self._seen[source] >= self._wanted[source]

    def found(self, source: MessageSource, *, are_new: bool) -> None:
        """Take note of what rows were found to be."""
        self._seen[source] = self._seen[source] + 1 if are_new else 0

    def was_mistaken(self, source: MessageSource) -> None:
        """Take note that rows were wrongly taken for new."""
        self._seen[source] = 0
        self._wanted[source] = min(2 * self._wanted[source], _NEWS_MAX)


@dataclass(frozen=True, slots=True)
class Sure:
    """What was found around rows that were copied, and holds until something else is written."""

    table: Table
    """The one they are in; no other one of the task has anything below its root."""
    containers: frozenset[str]
    """What is above them, and is there."""

    def covers(self, table: Table, paths: Paths) -> bool:
        """Whether nothing has to be looked for around rows of this table, once their paths are not in it."""
        return (
            self.table == table
            and self.containers.issuperset(paths.above)
            and self.containers.isdisjoint(paths.told)  # these may be in another table
        )


@dataclass(slots=True)
class Memory:
    """Of one task; what another process may have changed is kept with the mark by which that can be told."""

    tables: tuple[int, list[Table]] = (-1, [])
    """The tables, and the version of them that they are."""
    sure: tuple[str, Sure | None] = ("", None)
    """What is sure while this transaction is the last one that has pushed."""
    forecast: Forecast = field(default_factory=Forecast)
    streak: Streak = field(default_factory=Streak)
