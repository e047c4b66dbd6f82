"""Whether the rows of the next push are likely to be new: as those of the last ones were."""

from __future__ import annotations

from collections import Counter

from fustor_event_model import MessageSource

__all__ = ["Forecast", "Mistaken"]

_NEWS_MIN, _NEWS_MAX = 1, 64


class Mistaken(ValueError):  # noqa: N818 - nobody's error: the rows are not what they were taken for
    """Rows that were taken for new are not, or not plainly so; the transaction is of no use any more."""


class Forecast:
    """Of one task, for each source. After every mistake it wants to have seen twice as many pushes of new rows."""

    def __init__(self) -> None:
        self._seen = Counter[MessageSource]()
        self._wanted = dict.fromkeys(MessageSource, _NEWS_MIN)

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
