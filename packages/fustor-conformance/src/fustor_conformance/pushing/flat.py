"""Section 8 of the contract for a store of one row a path, written down a second time, without a tree.

Where the contract leaves something open, a `Reading` says how it is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import takewhile
from typing import Any, TypeAlias

from fustor_conformance._paths import below, containers, is_below
from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource

__all__ = ["READINGS", "Flat", "Marks", "Reading", "RowData"]

RowData: TypeAlias = dict[str, Any]

_TIMES = frozenset({"mtime", "modified_time", "parent_mtime", "parent_path", "message_source"})
_PLACE = frozenset({"parent_mtime", "parent_path", "message_source"})


class Marks:
    """Marks of realtime. One made for everything below a path is not lifted there by a later one of the path."""

    def __init__(self) -> None:
        self.now = 0
        self._at: dict[str, int] = {}
        self._below: dict[str, int] = {}
        self._upserts: dict[str, int] = {}

    def upsert(self, path: str, *, holds_below: bool, empties: bool) -> None:
        """Note an upsert; one of a thing that is no container leaves nothing below."""
        self.now += 1
        self._at[path] = self._upserts[path] = self.now
        if holds_below:
            self._below[path] = self.now
        if empties:
            self._drop(self._upserts, path)

    def delete(self, path: str) -> None:
        """Note a delete, which speaks for everything below."""
        self.now += 1
        self._at[path] = self._below[path] = self.now
        self._upserts.pop(path, None)
        self._drop(self._upserts, path)

    def holds(self, path: str, since: int) -> bool:
        """Whether a mark younger than `since` holds for the path."""
        return self._at.get(path, 0) > since or any(self._below.get(other, 0) > since for other in containers(path))

    def upserted(self, path: str, since: int) -> bool:
        """Whether the path or something below it was told since, and not deleted afterwards."""
        return self._any(self._upserts.items(), path, since)

    def at_itself(self, path: str, since: int) -> bool:
        """Whether the path itself was told since, and not deleted afterwards."""
        return self._upserts.get(path, 0) > since

    def told_of(self, path: str, since: int) -> bool:
        """Whether any event since was about the path or something below it."""
        return self._any(self._at.items(), path, since)

    @staticmethod
    def _any(marks: Iterable[tuple[str, int]], path: str, since: int) -> bool:
        return any(at > since and (other == path or is_below(other, path)) for other, at in marks)

    @staticmethod
    def _drop(marks: dict[str, int], path: str) -> None:
        for other in below(marks, path):
            del marks[other]


@dataclass(frozen=True)
class Reading:
    """How the contract is taken where two readings of it are in order; the default is that of the view.

    Args:
        files_hold_below: a realtime row of a thing that is no container holds against later rows below it.
        guards_below: no snapshot or audit row makes a plain thing of what realtime has put something into.
        listings_empty: a snapshot or audit row of a plain thing removes what was below.
        deletes_touch: a realtime delete below a child keeps Audit-End from removing it.
        any_row_is_whole: a snapshot row without a record leaves nothing of a partial one to be supplied.
        drops_old: an event whose index the session has had already is dropped.
        bare_is_whole: a realtime update without a record replaces one, rather than leaving out every column.
        touch_keeps_all: what realtime reported keeps its container with all that is in it, rather than itself alone.
    """

    files_hold_below: bool = True
    guards_below: bool = True
    listings_empty: bool = True
    deletes_touch: bool = False
    any_row_is_whole: bool = False
    drops_old: bool = False
    bare_is_whole: bool = True
    touch_keeps_all: bool = True


READINGS = (Reading(), *(Reading(**{choice.name: not choice.default}) for choice in fields(Reading)))
"""That of the view, and those that differ from it in one choice."""


@dataclass
class _Audit:
    since: int
    reported: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)


@dataclass
class _Session:
    is_open: bool = True
    marks: Marks = field(default_factory=Marks)
    told: dict[str, float] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    audit: _Audit | None = None
    floor: int = -1


class Flat:
    """What a keyed store holds. `rows` gives, for each path, every row that may stand there; the last is the newest."""

    def __init__(self, reading: Reading = READINGS[0]) -> None:
        self._reading = reading
        self._session = _Session()
        self._partial: dict[str, set[str]] = {}
        self.rows: dict[str, tuple[RowData, ...]] = {}

    def begin(self) -> None:
        """A new session."""
        self._session = _Session()

    def push(self, events: Sequence[EventBase], *, end: bool = False) -> None:
        """One push."""
        floor = self._session.floor
        for event in events:
            is_old = self._reading.drops_old and 0 <= event.index <= floor
            if not (is_old and event.message_source is MessageSource.REALTIME):
                self._apply(event)
            if event.message_source is MessageSource.REALTIME:
                self._session.floor = max(self._session.floor, event.index)
        if end:
            self._end()

    def latest(self) -> dict[str, RowData]:
        """The newest row of every path."""
        return {path: rows[-1] for path, rows in self.rows.items()}

    def _apply(self, event: EventBase) -> None:
        session = self._session
        if event.signal is LifecycleSignal.AUDIT_START:
            session.audit = _Audit(session.marks.now)
        for row in event.rows:
            data = {**row, "message_source": event.message_source.value}
            if event.message_source is MessageSource.REALTIME:
                self._realtime(session, data, event.event_type)
            elif event.message_source is MessageSource.SNAPSHOT:
                self._listed(session, data)
            elif session.audit is not None:
                self._audited(session, session.audit, data)
        if event.signal is LifecycleSignal.AUDIT_END and session.audit is not None:
            self._end_audit(session, session.audit)
            session.audit = None

    def _realtime(self, session: _Session, row: RowData, kind: EventType) -> None:
        path, is_container = row["path"], row.get("is_directory") is True
        is_first = session.is_open and path not in session.told and not session.marks.holds(path, 0)
        session.told[path] = max(row["mtime"], session.told.get(path, row["mtime"]))
        if kind is EventType.DELETE:
            self._remove(path)
            session.marks.delete(path)
            return
        if kind is EventType.UPDATE:
            row = self._completed(row, is_first=is_first)
        else:
            self._partial.pop(path, None)
        if not is_container:
            self._empty(path)
        holds = self._reading.files_hold_below and not is_container
        session.marks.upsert(path, holds_below=holds, empties=not is_container)
        self.rows[path] = (row,)

    def _completed(self, row: RowData, *, is_first: bool) -> RowData:
        path, record = row["path"], row.get("record")
        if not isinstance(record, Mapping) and self._reading.bare_is_whole:
            self._partial.pop(path, None)
            return row
        told = record or {}
        if is_first:
            self._partial[path] = set(told)
        elif path in self._partial:
            self._partial[path] |= set(told)
        known = self.rows[path][-1].get("record") if path in self.rows else None
        return row if known is None and record is None else {**row, "record": {**(known or {}), **told}}

    def _listed(self, session: _Session, row: RowData) -> None:
        if not session.is_open:
            return
        path, told = row["path"], session.told.get(row["path"])
        session.told[path] = max(row["mtime"], row["mtime"] if told is None else told)
        if row.get("audit_skipped"):
            session.skipped.add(path)
        if self._is_overruled(session, row, 0):
            self._supply(session, row)
        elif told is None or told < row["mtime"]:
            self._put(row)

    def _supply(self, session: _Session, row: RowData) -> None:
        path, told = row["path"], self._partial.get(row["path"])
        listed = row.get("record")
        if told is None or path not in self.rows or not session.marks.holds(path, 0):
            return
        if listed is None:
            if self._reading.any_row_is_whole:
                del self._partial[path]
            return
        del self._partial[path]
        known = self.rows[path][-1]
        record = {name: value for name, value in listed.items() if name not in told}
        record |= {name: value for name, value in (known.get("record") or {}).items() if name in told}
        self.rows[path] = ({**known, "record": record},)

    def _audited(self, session: _Session, audit: _Audit, row: RowData) -> None:
        path = row["path"]
        session.told.setdefault(path, row["mtime"])
        audit.reported.add(path)
        if row.get("audit_skipped"):
            audit.skipped.add(path)
        elif row.get("is_directory"):
            audit.listed.add(path)
        if not self._is_overruled(session, row, audit.since):
            known = self.rows.get(path, ())
            self._put(row)
            if known and tells_the_same(known[-1], row):
                self.rows[path] = (*known, row)

    def _is_overruled(self, session: _Session, row: RowData, since: int) -> bool:
        guarded = self._reading.guards_below and not row.get("is_directory")
        return session.marks.holds(row["path"], since) or (guarded and session.marks.upserted(row["path"], since))

    def _put(self, row: RowData) -> None:
        if not row.get("is_directory") and self._reading.listings_empty:
            self._empty(row["path"])
        self._partial.pop(row["path"], None)
        self.rows[row["path"]] = (row,)

    def _end_audit(self, session: _Session, audit: _Audit) -> None:
        touched = session.marks.told_of if self._reading.deletes_touch else session.marks.upserted
        for path in list(self.rows):
            parent = next(containers(path), None)
            is_missed = parent in audit.listed - audit.skipped and path not in audit.reported
            if is_missed and not touched(path, audit.since):
                self._remove(path)
            elif is_missed and not self._reading.touch_keeps_all:
                self._remove_beside(session.marks, path, audit.since)

    def _remove_beside(self, marks: Marks, path: str, since: int) -> None:
        """What lies below a path, apart from what realtime reported since, what that contains, and what contains it."""
        for other in below(self.rows, path):
            upwards = takewhile(lambda each: each == path or is_below(each, path), (other, *containers(other)))
            if not marks.upserted(other, since) and not any(marks.at_itself(each, since) for each in upwards):
                self.rows.pop(other)
                self._partial.pop(other, None)

    def _end(self) -> None:
        session = self._session
        if not session.is_open:
            return
        kept = {
            path
            for path in self.rows
            if path in session.told or any(container in session.skipped for container in containers(path))
        }
        kept |= {container for path in kept for container in containers(path)}
        for path in [path for path in self.rows if path not in kept]:
            del self.rows[path]
            self._partial.pop(path, None)
        session.is_open = False
        session.told.clear()
        session.skipped.clear()

    def _remove(self, path: str) -> None:
        self.rows.pop(path, None)
        self._partial.pop(path, None)
        self._empty(path)

    def _empty(self, path: str) -> None:
        for other in below(self.rows, path):
            del self.rows[other]
            self._partial.pop(other, None)


def tells_the_same(known: RowData, row: RowData) -> bool:
    """Whether an audit's row tells nothing that is not known: a store need not write it."""
    aside = _TIMES if "record" in row else _PLACE
    names = (known.keys() | row.keys()) - aside
    return all(known.get(name) == row.get(name) for name in names)
