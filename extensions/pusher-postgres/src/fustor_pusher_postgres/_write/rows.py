"""Rows, parsed once where they enter, and gathered into runs that one set of statements can write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from fustor_event_model import EventBase, EventType, MessageSource, parent_of
from fustor_pusher_postgres._tables.columns import Act
from fustor_pusher_postgres._tables.paths import Key, containers_of

REPORTED, LISTED, SKIPPED = 1, 2, 4
"""What an audit said of a path."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the rows of one event have in common."""

    source: MessageSource
    key: Key
    containers: Key
    """Where containers go: the table of a database holds its rows, and nothing else."""
    index: int
    act: int
    """What an ordinary row asks for."""
    may_patch: bool
    """Whether a column that the row lacks keeps its value."""

    @classmethod
    def of(cls, event: EventBase) -> Self:
        """The origin of the rows of an event."""
        is_delete = event.event_type is EventType.DELETE
        is_realtime = event.message_source is MessageSource.REALTIME
        act = Act.PUT
        if is_delete:
            # A deletion is realtime's to report: a snapshot shows it by its end, an audit by a listing.
            act = Act.DELETE if is_realtime else Act.NOTE
        return cls(
            source=event.message_source,
            key=(event.event_schema, event.table),
            containers=(event.event_schema, ""),
            index=event.index,
            act=act,
            may_patch=is_realtime and event.event_type is EventType.UPDATE,
        )


@dataclass(slots=True)
class Entry:
    """What a run says of one path in the end."""

    path: str
    key: Key
    act: int
    row: Mapping[str, Any]
    mtime: float
    is_container: bool
    index: int
    told: float
    """The youngest `mtime` of the path in the run."""
    is_dark: bool
    """A snapshot could not list it."""
    seen: int
    record: Any

    @classmethod
    def of(cls, origin: Origin, row: Mapping[str, Any], path: str, mtime: float) -> Self:
        """What a single row says."""
        is_container = row.get("is_directory") is True
        is_skipped = row.get("audit_skipped") is True
        record = row.get("record")
        act, seen = origin.act, 0
        if origin.may_patch and isinstance(record, dict):
            act = Act.PATCH
        if origin.source is MessageSource.AUDIT:
            seen = REPORTED | (SKIPPED if is_skipped else LISTED if is_container else 0)
        is_dark = is_skipped and origin.source is MessageSource.SNAPSHOT
        key = origin.containers if is_container else origin.key
        return cls(path, key, act, row, mtime, is_container, origin.index, mtime, is_dark, seen, record)

    @property
    def is_put(self) -> bool:
        """Whether its row is to be written."""
        return Act.DELETE < self.act < Act.NOTE

    @property
    def cuts(self) -> bool:
        """Whether nothing can be below the path, as the run has it."""
        return self.act in (Act.DELETE, Act.REPLACE) or (self.is_put and not self.is_container)


@dataclass(slots=True)
class Run:
    """Rows of one source whose order does not matter any more, since each path is there once.

    A row whose order relative to the run matters is refused; it starts a new run.
    """

    source: MessageSource
    entries: dict[str, Entry] = field(default_factory=dict)
    above: dict[str, str] = field(default_factory=dict)
    """Every container above a path that is written, with the event_schema it was reported under."""
    _cutters: set[str] = field(default_factory=set)

    def take(self, origin: Origin, row: Mapping[str, Any], path: str, mtime: float) -> bool:
        """Add a row; False, and nothing is changed, where it needs a run of its own."""
        entry = Entry.of(origin, row, path, mtime)
        known = self.entries.get(path)
        if known is not None:
            joined = _JOINS[self.source](known, entry)
            if joined is None:
                return False
            entry = joined
        cuts = entry.cuts
        if (cuts or entry.act == Act.PATCH) and path in self.above:
            return (
                False  # what is below it comes first: it may make a container of what was none, with no record to keep
            )
        if entry.is_put and not self._reach(path, origin.key[0]):
            return False
        if cuts:
            self._cutters.add(path)
        self.entries[path] = entry
        return True

    def _reach(self, path: str, event_schema: str) -> bool:
        """Note the containers above a path, unless one of them is cut in this run."""
        if parent_of(path) in self.above:
            return True
        new = []
        for container in containers_of(path):
            if container in self.above:
                break
            if container in self._cutters:
                return False
            new.append(container)
        for container in new:
            self.above[container] = event_schema
        return True

    def puts(self) -> list[Entry]:
        """The entries whose rows are to be written."""
        return [entry for entry in self.entries.values() if entry.is_put]


def _moves(old: Entry, new: Entry) -> bool:
    """Whether both rows are to be written, and not as the same thing into the same table."""
    return old.is_put and new.is_put and (old.is_container is not new.is_container or old.key != new.key)


def _join_realtime(old: Entry, new: Entry) -> Entry | None:
    """The last row counts; a delete before it is kept in mind, and so are columns that only the first one has."""
    if _moves(old, new):
        return None
    if new.act == Act.PATCH and old.is_put:
        new.record = {**old.record, **new.record} if isinstance(old.record, Mapping) else new.record
        new.act = old.act
    elif new.is_put and old.act in (Act.DELETE, Act.REPLACE):
        new.act = Act.REPLACE
    new.told = max(old.told, new.told)
    return new


def _join_snapshot(old: Entry, new: Entry) -> Entry | None:
    """The first of the youngest rows counts; one with another record may supply columns, and gets a run of its own."""
    if old.act != new.act or old.record != new.record:
        return None
    is_younger = new.mtime > old.told
    winner = new if is_younger and new.is_put else old
    if winner is new and _moves(old, new):
        return None
    winner.told = max(old.told, new.told)
    winner.is_dark = old.is_dark or new.is_dark
    return winner


def _join_audit(old: Entry, new: Entry) -> Entry | None:
    """The last row counts."""
    if _moves(old, new):
        return None
    winner = new if new.is_put or not old.is_put else old
    winner.told = max(old.told, new.told)
    winner.seen = old.seen | new.seen
    return winner


_JOINS = {
    MessageSource.REALTIME: _join_realtime,
    MessageSource.SNAPSHOT: _join_snapshot,
    MessageSource.AUDIT: _join_audit,
}
