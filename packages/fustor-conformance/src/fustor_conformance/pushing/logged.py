"""What a log must hold after a history: every row, once, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fustor_conformance.outcome import Broken
from fustor_conformance.pushing.seen import Shelf, listed, named
from fustor_conformance.pushing.steps import Begin, Push, Step, events_of
from fustor_event_model import EventBase, MessageSource

__all__ = ["Logged"]

_Rows = list[dict[str, Any]]


class Logged:
    """The log of one task, in parts: the rows of one push, or of two at once in any order."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._parts: list[tuple[_Rows, ...]] = []
        self._floor = -1
        self._last: dict[str, Push] = {}

    def take(self, step: Step) -> None:
        """Note a step."""
        if isinstance(step, Begin):
            self._last.clear()
            self._floor = self._floor if step.resumed else -1
        elif isinstance(step, Push):
            self._parts.append((self._fresh(step),))
        else:
            self._parts.append((self._fresh(step.first), self._fresh(step.second)))

    def _fresh(self, push: Push) -> _Rows:
        """The rows that are not there yet: a realtime index that was committed, or the same batch again, is dropped."""
        events = events_of(push, self._root)
        last, self._last[push.phase] = self._last.get(push.phase), push
        if events and last is not None and last.events == push.events and not any(event.signal for event in events):
            return []
        fresh = [event for event in events if not self._is_old(event)]
        told = [event.index for event in events if event.message_source is MessageSource.REALTIME]
        self._floor = max([self._floor, *told])
        return [{**row, "message_source": event.message_source.value} for event in fresh for row in event.rows]

    def _is_old(self, event: EventBase) -> bool:
        return event.message_source is MessageSource.REALTIME and 0 <= event.index <= self._floor

    def require(self, shelf: Shelf) -> int:
        """How many rows were compared.

        Raises:
            Broken: a row is missing, another one, there twice, or out of order.
        """
        found = shelf.rows(self._root)
        _require_paths([row for part in self._parts for rows in part for row in rows], found, self._root)
        place = 0
        for part in self._parts:
            length = sum(map(len, part))
            for rows in part:
                _require_in_order(shelf, rows, found[place : place + length], self._root)
            place += length
        return max(1, len(found))


def _require_paths(expected: _Rows, found: _Rows, root: str) -> None:
    left = [row["path"] for row in found]
    for row in expected:
        if row["path"] not in left:
            raise Broken(
                f"A {row['message_source']} row of {named(row['path'], root)} is not in the log", row, len(found)
            )
        left.remove(row["path"])
    if left:
        raise Broken(f"{listed(left[:5], root)} {'is' if len(left) == 1 else 'are'} there once too often")


def _require_in_order(shelf: Shelf, expected: _Rows, found: Sequence[dict[str, Any]], root: str) -> None:
    """Each row stands after the one before it; between them may be rows of a push that ran at the same time."""
    place = 0
    for row in expected:
        wrong: list[str] = []
        while place < len(found):
            wrong = list(shelf.differences(found[place], row))
            place += 1
            if not wrong:
                break
        else:
            raise _misplaced(shelf, row, found, root)


def _misplaced(shelf: Shelf, row: dict[str, Any], found: Sequence[dict[str, Any]], root: str) -> Broken:
    same = [other for other in found if other["path"] == row["path"]]
    if not same:
        return Broken(
            f"The row of {named(row['path'], root)} is not where it was pushed: the log is not in order", row, *found
        )
    wrong = "; ".join(shelf.differences(same[-1], row)) or "stands out of order"
    return Broken(f"The row of {named(row['path'], root)} has {wrong}", same[-1], row)
