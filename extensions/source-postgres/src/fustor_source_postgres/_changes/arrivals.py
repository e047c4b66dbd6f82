"""Rows that have come to a new path and that the log does not tell whole: what it leaves out is looked up.

The log repeats no long value that an update has not touched, also where the update gives its row another key. No
consumer can know what belongs there: what stands at the path is another row's. So these values are read from the table,
by the new key, once the transaction is visible. They may be newer than it; the change that made them so follows in the
stream. A row that is not there any more has gone on since, and that follows as well: until then its path is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fustor_event_model import EventBase
from fustor_source_postgres._changes.relation import Relation

Row = dict[str, Any]
LookUp = Callable[[Relation, list[Row], set[int]], list[Row]]
"""Completes rows of a relation, told by these transactions, in place; gives those that are not there any more."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event of new rows, some of them not whole, and the index before it, which is kept for deletes."""

    relation: Relation
    xid: int
    place: int
    event: EventBase


def completed(events: list[EventBase], arrivals: Iterable[Arrival], look_up: LookUp) -> list[EventBase]:
    """These events with all rows of `arrivals` whole; a row that has gone on is told as a delete of its path."""
    by_relation: dict[int, list[Arrival]] = {}
    for arrival in arrivals:
        by_relation.setdefault(id(arrival.relation), []).append(arrival)
    for same in by_relation.values():
        relation = same[0].relation
        rows = [row for arrival in same for row in arrival.event.rows if relation.is_partial(row)]
        gone = {id(row) for row in look_up(relation, rows, {arrival.xid for arrival in same})}
        if gone:
            for arrival in same:
                events = _without(events, arrival, gone)
    return events


def _without(events: list[EventBase], arrival: Arrival, gone: set[int]) -> list[EventBase]:
    """These events with the rows of one arrival that are gone moved to the deletes before it."""
    event = arrival.event
    deleted = [_delete(arrival.relation, row) for row in event.rows if id(row) in gone]
    event.rows = [row for row in event.rows if id(row) not in gone]
    at = next(number for number, other in enumerate(events) if other is event)
    if deleted and at > 0 and events[at - 1].index == arrival.place:
        events[at - 1].rows.extend(deleted)
    elif deleted:
        events.insert(at, arrival.relation.deletes(deleted, arrival.place))
        at += 1
    if not event.rows:
        events[at - 1].layout = events[at - 1].layout or event.layout
        del events[at]
    return events


def _delete(relation: Relation, row: Row) -> Row:
    record = {name: value for name, value in row["record"].items() if name in relation.key}
    return {"path": row["path"], "mtime": row["mtime"], "size": None, "record": record}
