"""An ideal source of the small world: three streams, by the letter of the driver contract."""

from collections.abc import Iterator
from random import Random

from view_world import Change, World, child_of, parent_of

from fustor_event_model import DeleteEvent, EventBase, InsertEvent, LifecycleSignal, MessageSource, UpdateEvent

TIMES = ("path", "mtime", "size")


def event_of(source, row=None, *, kind=UpdateEvent, signal=None) -> EventBase:
    rows = [] if row is None else [row]
    return kind(fields=list(row or ()), rows=rows, event_schema="fs", table="", message_source=source, signal=signal)


def upsert(path, mtime=1.0, size=1, *, source=MessageSource.REALTIME, kind=UpdateEvent, **more):
    row = {"path": path, "mtime": mtime, "size": size, **more}
    if source is MessageSource.AUDIT:
        row.setdefault("parent_mtime", 0.0)
    return event_of(source, row, kind=kind)


def delete(path, mtime=1.0, *, source=MessageSource.REALTIME):
    row = {"path": path, "mtime": mtime, "size": None}
    if source is MessageSource.AUDIT:
        row["parent_mtime"] = 0.0
    return event_of(source, row, kind=DeleteEvent)


AUDIT_START = event_of(MessageSource.AUDIT, signal=LifecycleSignal.AUDIT_START)
AUDIT_END = event_of(MessageSource.AUDIT, signal=LifecycleSignal.AUDIT_END)


def row_of(world: World, path, source, *, kind=UpdateEvent, **more):
    return event_of(source, {"path": path, **fields_of(world.things[path]), **more}, kind=kind)


def fields_of(thing):
    fields = {"mtime": thing.mtime, "size": thing.size, "is_directory": thing.is_directory}
    return fields if thing.record is None else {**fields, "record": dict(thing.record)}


def realtime(world: World, change: Change, *, present: bool) -> list[EventBase]:
    """The rows of a change: as it was (a log keeps that), or the present state of its path (a file tree has no log).

    A database tells of its containers in audits only.
    """
    if world.is_database and (change.was_directory or (change.thing is not None and change.thing.is_directory)):
        return []
    if not present:
        return [_as_it_was(world, change)]
    is_there = change.path in world.things
    events = []
    if not is_there or (change.thing is None and change.was_directory):
        events.append(delete(change.path, float(world.clock)))
    if is_there:
        events.append(row_of(world, change.path, MessageSource.REALTIME, kind=InsertEvent))  # whole, be it new or not
    return events


def _as_it_was(world: World, change: Change) -> EventBase:
    if change.thing is None:
        return delete(change.path, float(world.clock))
    row = {"path": change.path, **fields_of(change.thing)}
    if change.is_partial:
        row["is_atomic_write"] = False
    for name in change.left_out:
        del row["record"][name]
    return event_of(MessageSource.REALTIME, row, kind=InsertEvent if change.is_new else UpdateEvent)


Steps = Iterator[EventBase | None]
"""What a reader does, one read of the world at a time; None where a read gives no event."""


class Reader:
    """Walks the world as an audit or a snapshot does, with listings that fail and stamps that move."""

    def __init__(self, world: World, random: Random, source: MessageSource, failure_rate: float):
        self.world = world
        self.random = random
        self.source = source
        self.failure_rate = failure_rate
        self.tells_containers = source is MessageSource.AUDIT or not world.is_database
        self.is_early = source is MessageSource.SNAPSHOT and random.random() < 0.5

    def walk(self) -> Steps:
        yield from self._container("/")

    def _container(self, path) -> Steps:
        if not self._is_container(path):
            return  # gone since its parent was listed
        thing = self.world.things[path]
        if self.is_early and self.tells_containers:
            yield self._row(path)
        if self.random.random() < self.failure_rate:
            if self._is_container(path):
                yield self._row(path, audit_skipped=True)
            return
        names = self.world.names(path)
        yield None
        containers, vanished = [], False
        for child in (child_of(path, name) for name in names):
            vanished = vanished or child not in self.world.things
            yield from self._child(child, containers)
        has_moved = self._has_moved(path, thing.stamp) or (vanished and self.source is MessageSource.AUDIT)
        for child in containers:
            yield from self._container(child)
        has_moved = has_moved or self._has_moved(path, thing.stamp)
        if self._is_container(path) and not self.is_early and self.tells_containers:
            yield self._row(path, **({"audit_skipped": True} if has_moved else {}))

    def _is_container(self, path):
        thing = self.world.things.get(path)
        return thing is not None and thing.is_directory

    def _child(self, path, containers) -> Steps:
        thing = self.world.things.get(path)
        if thing is None:
            yield None
        elif thing.is_directory:
            containers.append(path)
        else:
            yield self._row(path)

    def _has_moved(self, path, stamp):
        if self.source is MessageSource.SNAPSHOT:
            return False  # what moves under a snapshot, realtime tells; only an audit draws conclusions from absence
        thing = self.world.things.get(path)
        return thing is None or not thing.is_directory or thing.stamp != stamp

    def _row(self, path, **more):
        if self.source is MessageSource.AUDIT:
            more["parent_mtime"] = self.world.things[parent_of(path)].mtime
        return row_of(self.world, path, self.source, **more)


def snapshot(world, random, failure_rate) -> Steps:
    yield from Reader(world, random, MessageSource.SNAPSHOT, failure_rate).walk()


def audit(world, random, failure_rate) -> Steps:
    """Audit-Start is the host's to push first; it asks for the rest when that push has returned."""
    yield from Reader(world, random, MessageSource.AUDIT, failure_rate).walk()
    yield AUDIT_END


def begun(view, start_index=-1):
    """The view, in a session that can be resumed from that index."""
    view.begin_session("s", start_index)
    return view
