"""Rows as a World reads them, against rows as they were pushed: by path, or in a log, all of them once and in order."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from fustor_conformance._scenes import no_error
from fustor_conformance._values import same
from fustor_conformance.outcome import Broken
from fustor_conformance.pushing.steps import Begin, Push, Step, events_of
from fustor_conformance.worlds import PusherWorld
from fustor_event_model import EventBase, MessageSource

__all__ = ["Logged", "Shelf", "is_same", "listed", "named"]

_REQUIRED = frozenset({"path", "size", "mtime", "record", "message_source"})
_NOTES = frozenset({"audit_skipped"})
"""What arbitration reads of a row: a store may keep it elsewhere."""
_PASSING = frozenset({"owner", "is_atomic_write"})
"""Fields that some rows of a path have and later ones do not."""
_Rows = list[dict[str, Any]]


class Shelf:
    """What the destination holds below some roots; learns which fields the World gives back at all."""

    def __init__(self, world: PusherWorld) -> None:
        self._world = world
        self._given: set[str] = set()
        self._rows: list[dict[str, Any]] = []

    def read(self) -> None:
        """Read what is there now; `rows` gives this until the next reading.

        Raises:
            Broken: the World cannot.
        """
        with no_error(lambda err: f"The World cannot read what is stored: {type(err).__name__}: {err}"):
            self._rows = [dict(row) for row in self._world.stored()]
        for row in self._rows:
            self._given |= {name for name, value in row.items() if value is not None}

    def rows(self, root: str) -> list[dict[str, Any]]:
        """The rows at or below `root` that were read last, in the order in which the World gives them."""
        return [row for row in self._rows if row["path"] == root or str(row["path"]).startswith(f"{root}/")]

    def differences(self, row: Mapping[str, Any], pushed: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with a stored row, in words."""
        for name, value in pushed.items():
            if name in _NOTES:
                continue
            found = row.get(name)
            if name not in row and name not in self._given and name not in _REQUIRED:
                continue  # the World does not read this field
            if not is_same(found, value):
                yield f"{name} {_short(found)}, not {_short(value)}"
        if row.get("record") is not None and "record" not in pushed:
            yield f"record {_short(row['record'])}, though its last row has none"
        for name in sorted(_PASSING & row.keys() - pushed.keys()):
            if row[name] not in (None, True):
                yield f"{name} {_short(row[name])}, which its last row does not have"

    def require(self, root: str, expected: Mapping[str, Sequence[Mapping[str, Any]]], implied: Collection[str]) -> int:
        """How many rows were compared.

        Raises:
            Broken: a path is missing, should not be there, is there twice, or its row is another.
        """
        found: dict[str, dict[str, Any]] = {}
        for row in self.rows(root):
            if row["path"] in found:
                raise Broken(f"{named(row['path'], root)} is stored twice", found[row["path"]], row)
            found[row["path"]] = row
        if lost := sorted(expected.keys() - found.keys()):
            raise Broken(f"{listed(lost, root)} {_is(lost)} missing", f"stored: {listed(sorted(found), root)}")
        if ghosts := sorted(found.keys() - expected.keys() - set(implied)):
            raise Broken(f"{listed(ghosts, root)} {_is(ghosts)} stored and should not be")
        for path, rows in expected.items():
            wrong = [list(self.differences(found[path], row)) for row in rows]
            if all(wrong):
                raise Broken(f"{named(path, root)} has {'; '.join(wrong[-1])}", found[path], rows[-1])
        return max(1, len(expected))


def is_same(found: Any, pushed: Any) -> bool:
    """Whether a field of a row came back: exactly, in whatever form its store keeps numbers and documents.

    In the row itself None is as good as left out, and False too; a truth value may be a number.
    """
    if pushed is None:
        return found is None
    if isinstance(pushed, bool):
        return bool(found) is pushed and found in (None, False, True)
    return same(found if isinstance(pushed, str) else _parsed(found), pushed)


def _parsed(found: Any) -> Any:
    if not isinstance(found, str):
        return found
    try:
        return json.loads(found)
    except ValueError:
        return found


def named(path: str, root: str) -> str:
    """A path of a history as reports show it."""
    return repr(path.removeprefix(root).removeprefix("/") or ".")


def listed(paths: Sequence[str], root: str) -> str:
    """Some of them."""
    return ", ".join(named(path, root) for path in paths) or "nothing"


def _is(paths: Sequence[str]) -> str:
    return "is" if len(paths) == 1 else "are"


_LONGEST = 80


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


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
        raise Broken(f"{listed(left[:5], root)} {_is(left)} there once too often")


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
