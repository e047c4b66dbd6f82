"""Drivers that each break one rule: the reference source or pusher with one method changed."""

# ruff: noqa: ARG002, ARG003, ARG004, ERA001, RUF012 - a mutant keeps the signature that it breaks

from __future__ import annotations

import asyncio
import posixpath
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kit_memory import SYSTEMS, MemoryWorld
from kit_pusher import FileWorld, KeyedDriver, KeyedFileWorld, LogDriver
from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource


@dataclass(frozen=True)
class Mutant:
    """A driver that breaks `rule_id`; `also` are the rules that fall with it, each for its reason."""

    rule_id: str
    name: str
    driver: type
    world: type
    also: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.rule_id}-{self.name}"


MUTANTS: list[Mutant] = []


def mutant(rule_id: str, *also: str, world: type = MemoryWorld) -> Callable[[type], type]:
    def register(cls: type) -> type:
        MUTANTS.append(Mutant(rule_id, cls.__name__, cls, world, frozenset(also)))
        return cls

    return register


# C: shape


@mutant("C01", "C11")
class SyncClose(MemoryDriver):
    def close(self):
        async def done():
            self._stop_driver_event.set()

        return done()


@mutant("C01", "C11", "C08")
class FieldsOfInstance(MemoryDriver):
    async def get_available_fields(self, **kwargs):
        return await MemoryDriver.get_available_fields(**kwargs)


@mutant("C02")
class OtherNames(MemoryDriver):
    def __init__(self, source_id, config):
        super().__init__(source_id, config)


@mutant("C02")
class ThirdArgument(MemoryDriver):
    def __init__(self, id, config, clock):
        super().__init__(id, config)


class _Locks:
    held: set[str] = set()


@mutant("C03", "C04", "C13")
class LockInConstructor(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        if config.uri in _Locks.held:
            raise DriverError(f"Slot of {config.uri!r} is taken")
        _Locks.held.add(config.uri)

    async def close(self):
        _Locks.held.discard(self.config.uri)
        await super().close()


@mutant("C03", "M09")
class ThreadInConstructor(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        threading.Thread(target=self._stop_driver_event.wait, daemon=True).start()


@mutant("C04", "C03", "C13")
class SharedForAnAddress(MemoryDriver):
    instances: dict[str, Any] = {}

    def __new__(cls, id, config):
        return cls.instances.setdefault(config.uri, super().__new__(cls))


@mutant("C05")
class NoStopEvent(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._stopped = self._stop_driver_event
        del self._stop_driver_event

    def stopped(self, stop):
        return self._stopped.is_set() or (stop is not None and stop.is_set())

    def wait_until_up(self, system, stop):
        while system.down and not self.stopped(stop):
            self._stopped.wait(self.config.retry_delay_sec)

    async def close(self):
        self._stopped.set()


@mutant("C01")
class TransientMethod(MemoryDriver):
    def is_transient(self):
        return False


@mutant("C06")
class TransientText(MemoryDriver):
    @property
    def is_transient(self):
        return ""


@mutant("C07")
class EveryPosition(MemoryDriver):
    def is_position_available(self, position):
        return True


@mutant("C07")
class PositionRaises(MemoryDriver):
    def is_position_available(self, position):
        if position < -1:
            raise DriverError("No such position")
        return super().is_position_available(position)


@mutant("C08")
class FieldsNeedAddress(MemoryDriver):
    @classmethod
    async def get_available_fields(cls, **kwargs):
        del kwargs["uri"]
        return await MemoryDriver.get_available_fields()


@mutant("C08")
class FieldsCountFromOne(MemoryDriver):
    @classmethod
    async def get_available_fields(cls, **kwargs):
        return {"properties": {"path": {"type": "string", "column_index": 1}}}


@mutant("C09")
class CheckRaises(MemoryDriver):
    @classmethod
    async def test_connection(cls, **kwargs):
        return bool(SYSTEMS[kwargs["uri"]]), "Connected"


@mutant("C09")
class CheckTellsSecret(MemoryDriver):
    @classmethod
    async def check_privileges(cls, **kwargs):
        return False, f"Refused: {kwargs.get('admin_creds')}"


@mutant("C09")
class CheerfulCheck(MemoryDriver):
    @classmethod
    async def create_agent_user(cls, **kwargs):
        return True, "Not implemented"


@mutant("C10")
class StepsAreATuple(MemoryDriver):
    @classmethod
    async def get_wizard_steps(cls):
        return {"steps": ()}


@mutant("C10")
class UnknownValidation(MemoryDriver):
    @classmethod
    async def get_wizard_steps(cls):
        return {"steps": [{"step_id": "a", "title": "A", "schema": {}, "validations": ["no_such_check"]}]}


@mutant("C11", "C12", "E01", "I07", "A08", "A02", "A06", "A07", "A09")
class FixedKeywords(MemoryDriver):
    def get_audit_iterator(self, batch_size=1000, stop_event=None):
        return super().get_audit_iterator(batch_size=batch_size, stop_event=stop_event)


@mutant("C11")
class RefusesUnknown(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        if odd := kwargs.keys() - {"batch_size", "stop_event", "partition", "required_fields_tracker"}:
            raise TypeError(f"Unknown keywords: {odd}")
        return super().get_snapshot_iterator(**kwargs)


@mutant("C12")
class SlowCall(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        self._stop_driver_event.wait(1.2)
        return super().get_snapshot_iterator(**kwargs)


@mutant("C12")
class ListOfEvents(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        return list(super().get_snapshot_iterator(**kwargs))


@mutant("C12")
class LoopInLoop(MemoryDriver):
    def get_audit_iterator(self, **kwargs):
        pause = asyncio.sleep(0)
        try:
            asyncio.run(pause)
        finally:
            pause.close()
        return super().get_audit_iterator(**kwargs)


@mutant("C13")
class CloseOnce(MemoryDriver):
    async def close(self):
        if self._stop_driver_event.is_set():
            raise DriverError("Already closed")
        await super().close()


@mutant("C13")
class ClosedForEver(MemoryDriver):
    closed: set[str] = set()

    async def close(self):
        self.closed.add(self.config.uri)
        await super().close()

    def snapshot_rows(self, stop, partition):
        return iter(()) if self.config.uri in self.closed else super().snapshot_rows(stop, partition)


@mutant("C14")
class TrustsTracker(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        tracker = kwargs.get("required_fields_tracker")
        if tracker is not None:
            tracker.get_fields()
        return super().get_message_iterator(start_position, **kwargs)


@mutant("C14")
class SendsWhatIsAsked(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        tracker = kwargs.get("required_fields_tracker")
        try:
            wanted = tracker.get_fields() if tracker else None
        except AttributeError:
            wanted = None
        for event in super().get_snapshot_iterator(**kwargs):
            if wanted:
                event.rows = [{"path": row["path"], **{k: row[k] for k in wanted & row.keys()}} for row in event.rows]
            yield event


# E: event


@mutant("E01")
class TextForType(MemoryDriver):
    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.event_type = str(event.event_type.value)
        return event


@mutant("E01")
class RowsAsTuple(MemoryDriver):
    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.rows = tuple(event.rows)
        return event


@mutant("E02")
class AuditAsRealtime(MemoryDriver):
    def event(self, kind, rows, source, index=-1):
        event = super().event(kind, rows, source, index)
        if source is MessageSource.AUDIT:
            event.message_source = MessageSource.REALTIME
        return event


class _Quiet(EventBase):
    def model_dump(self, **kwargs):
        return super().model_dump(**{**kwargs, "exclude": {"message_source"}})


@mutant("E03")
class SourceLeftOutOfJson(MemoryDriver):
    def event(self, kind, rows, source, index=-1):
        return _Quiet(**dict(super().event(kind, rows, source, index)))


@mutant("E04")
class FieldThatRowsLack(MemoryDriver):
    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.fields = [*event.fields, "inode"]
        return event


@mutant("E04")
class EmptyEvents(MemoryDriver):
    def batches(self, rows, source, size):
        if source is MessageSource.SNAPSHOT:
            yield self.event(EventType.UPDATE, [], source)
        yield from super().batches(rows, source, size)


def _rows(**names: Callable[[Any], Any] | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        changed = dict(row)
        for name, function in names.items():
            if function is None:
                changed.pop(name, None)
            elif name in changed:
                changed[name] = function(changed[name])
        return changed

    return change


@mutant("E05")
class NoModifiedTime(MemoryDriver):
    def row(self, *args, **more):
        return _rows(modified_time=None)(super().row(*args, **more))


@mutant("E05")
class OtherModifiedTime(MemoryDriver):
    def row(self, *args, **more):
        return _rows(modified_time=int)(super().row(*args, **more))


@mutant("E06")
class TimeAsText(MemoryDriver):
    def change_row(self, change):
        return _rows(mtime=str, modified_time=str)(super().change_row(change))


@mutant("E06")
class SizeAsFloat(MemoryDriver):
    def row(self, *args, **more):
        return _rows(size=float)(super().row(*args, **more))


@mutant("E06", "E07")
class NotANumber(MemoryDriver):
    def row(self, *args, **more):
        changed = super().row(*args, **more)
        return {**changed, "mtime": float("inf"), "modified_time": float("inf")}


@mutant("E07")
class RawNames(MemoryDriver):
    def row(self, path, node, **more):
        return {**super().row(path, node, **more), "file_name": node.name}


@mutant("E07", "E03")
class Bytes(MemoryDriver):
    def row(self, path, node, **more):
        return {**super().row(path, node, **more), "record": {"raw": b"\xff"}}


@mutant("E08")
class AddressAsSchema(MemoryDriver):
    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.event_schema = self.config.uri
        return event


@mutant("E08")
class TableWithoutPath(MemoryDriver):
    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.event_schema, event.table = "public", "things"
        return event


@mutant("E09")
class IgnoresBatchSize(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        return super().get_snapshot_iterator(**{**kwargs, "batch_size": 8})


@mutant("E09", "S01", "S02", "S03", "S04", "S05", "S06")
class LosesTheRest(MemoryDriver):
    def batches(self, rows, source, size):
        rows = list(rows)
        if source is MessageSource.SNAPSHOT and size < len(rows):
            rows = rows[: len(rows) // size * size]
        return super().batches(iter(rows), source, size)


@mutant("E10", "E07")
class SameEventTwice(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._shared = None

    def messages(self, change):
        for event in super().messages(change):
            self._shared = self._shared or event
            self._shared.__dict__.update(event.__dict__)
            yield self._shared


@mutant("E10")
class RowsFromCache(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._rows = {}

    def row(self, path, node, **more):
        if more:
            return super().row(path, node, **more)
        return self._rows.setdefault((path, node), super().row(path, node))


# I: index


@mutant("I01")
class ClockThatGoesBack(MemoryDriver):
    def index(self, change):
        return change.index * 10 - (25 if change.index % 5 == 0 else 0)


@mutant("I01")
class SometimesMinusOne(MemoryDriver):
    def index(self, change):
        return -1 if change.index % 4 == 0 else change.index


@mutant("I02", "I01", "I03")
class Milliseconds(MemoryDriver):
    def index(self, change):
        return 1 + change.index // 3

    def is_position_available(self, position):
        return False


@mutant("I03")
class SkipsOneOnResume(MemoryDriver):
    def begin(self, system, start_position):
        begin = super().begin(system, start_position)
        return begin + 1 if begin == start_position else begin


@mutant("I03")
class ForgetsPositions(MemoryDriver):
    def is_position_available(self, position):
        return False


@mutant("I03")
class StartsOver(MemoryDriver):
    def begin(self, system, start_position):
        begin = super().begin(system, start_position)
        return 1 if begin == start_position else begin


@mutant("I04")
class ReplaysHistory(MemoryDriver):
    def begin(self, system, start_position):
        return 1 if start_position == -1 else super().begin(system, start_position)


@mutant("I05")
class LostPositionRaises(MemoryDriver):
    def begin(self, system, start_position):
        if start_position > 0 and not self.is_position_available(start_position):
            raise DriverError(f"Position {start_position} is gone")
        return super().begin(system, start_position)


@mutant("I05")
class WaitsForLostPosition(MemoryDriver):
    def begin(self, system, start_position):
        return start_position if start_position > 0 else super().begin(system, start_position)


@mutant("I06")
class SnapshotMovesTheStream(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        yield from super().snapshot_rows(stop, partition)
        self._skip_to = self.system().counter

    def messages(self, change):
        if change.index > getattr(self, "_skip_to", 0) or change.index % 2:
            yield from super().messages(change)


@mutant("I06")
class SnapshotIndexAbove(MemoryDriver):
    def event(self, kind, rows, source, index=-1):
        return super().event(kind, rows, source, 10**9 if source is MessageSource.SNAPSHOT else index)


@mutant("I07")
class EndExcluded(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        end = kwargs.get("end_position")
        return super().get_message_iterator(start_position, **{**kwargs, "end_position": end and end - 1})


@mutant("I07")
class NoEnd(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        return super().get_message_iterator(start_position, **{**kwargs, "end_position": None})


@mutant("I08")
class LatestIsBehind(MemoryDriver):
    def get_latest_position(self):
        return self.system().counter - 1


@mutant("I09")
class AcknowledgeRaises(MemoryDriver):
    def acknowledge(self, index):
        if index < self.system().released:
            raise DriverError("Acknowledged already")
        super().acknowledge(index)


@mutant("I09")
class ReleasesTooMuch(MemoryDriver):
    def acknowledge(self, index):
        super().acknowledge(index + 1)


# M: realtime


@mutant("M01", "M09")
class IgnoresStopEvent(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        return super().get_message_iterator(start_position, **{**kwargs, "stop_event": None})


@mutant("M01")
class StopIsAnError(MemoryDriver):
    def follow(self, system, position, stop, end):
        yield from super().follow(system, position, stop, end)
        if stop is not None and stop.is_set():
            raise DriverError("Stopped")


@mutant("M02")
class CloseLeavesReader(MemoryDriver):
    def stopped(self, stop):
        return stop.is_set() if stop is not None else super().stopped(stop)


@mutant("M03", "I06", "M07")
class ArmsAtFirstNext(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        yield from super().get_message_iterator(start_position, **kwargs)


@mutant("M04")
class FaultEndsStream(MemoryDriver):
    def wait_until_up(self, system, stop):
        if system.down:
            raise DriverError("Connection lost")


@mutant("M04")
class FaultLosesPlace(MemoryDriver):
    def follow(self, system, position, stop, end):
        for event in super().follow(system, position, stop, end):
            if not getattr(self, "_was_down", False):
                yield event

    def wait_until_up(self, system, stop):
        if system.down:
            self._was_down = True
        super().wait_until_up(system, stop)


@mutant("M05")
class BareKeyError(MemoryDriver):
    def system(self):
        return SYSTEMS[self.config.uri]


@mutant("M06")
class RenameWithoutDelete(MemoryDriver):
    def messages(self, change):
        if change.kind is not EventType.DELETE or "old" not in change.path:
            yield from super().messages(change)


@mutant("M06")
class RenameOfTopOnly(MemoryDriver):
    def messages(self, change):
        if not change.path.startswith("/kit-moved/"):
            yield from super().messages(change)


@mutant("M07")
class DropsWhenFull(MemoryDriver):
    def pending(self, system, position, end):
        return super().pending(system, position, end)[-10 * self.config.max_queue_size :][-100:]


@mutant("M08")
class Spins(MemoryDriver):
    def pending(self, system, position, end):
        return system.log[max(position - 1, 0) :]


@mutant("M09")
class LeaksAThread(MemoryDriver):
    def begin(self, system, start_position):
        threading.Thread(target=threading.Event().wait, args=(8,), name="leak", daemon=True).start()
        return super().begin(system, start_position)


# S: snapshot


@mutant("S01", "S02", "S04", "S05", "S06", "I06", "C14", "C13")
class LeavesOneOut(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            if row["path"] not in ("/kit-1", "/kit-first"):
                yield row


@mutant("S01", "S02", "S05")
class WrongSize(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            yield {**row, "size": row["size"] + 1}


@mutant("S01", "S02", "S05", "S06", "I06")
class Invents(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        rows = list(super().snapshot_rows(stop, partition))
        return iter([*rows, *({**row, "path": "/ghost"} for row in rows[:1])])


@mutant("S02", "E09", "E10", "C13", "A10", "S04", "S05")
class OnlyOnce(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        told = getattr(self, "_told", set())
        self._told = told
        for row in list(super().snapshot_rows(stop, partition)):
            if row["path"] not in told:
                told.add(row["path"])
                yield row


@mutant("S03")
class TwiceInOneSnapshot(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            yield row
            if row["path"] == "/kit-1":
                yield dict(row)


@mutant("S04")
class VanishedIsAnError(MemoryDriver):
    def snapshot_container(self, system, container, pending):
        for path, node, skipped in super().snapshot_container(system, container, pending):
            if system.stat(path) is None:
                raise DriverError(f"{path!r} is gone")
            yield path, node, skipped

    def snapshot_rows(self, stop, partition):
        for row in list(super().snapshot_rows(stop, partition)):
            if self.system().stat(row["path"]) is None:
                raise DriverError(f"{row['path']!r} is gone")
            yield row


@mutant("S04", "A10")
class RefusedWithoutMark(MemoryDriver):
    def snapshot_container(self, system, container, pending):
        for path, node, _ in super().snapshot_container(system, container, pending):
            yield path, node, False


@mutant("S05")
class StoppedEndsNormally(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        try:
            yield from super().snapshot_rows(stop, partition)
        except DriverError:
            return


@mutant("S06")
class OverlappingPartitions(MemoryDriver):
    def get_snapshot_partitions(self, n):
        return [*super().get_snapshot_partitions(n), {"part": 0, "of": n}]


@mutant("S06")
class PartitionsWithoutTheLast(MemoryDriver):
    def get_snapshot_partitions(self, n):
        return super().get_snapshot_partitions(n)[:-1]


# A: audit


@mutant("A01")
class UndeclaredAudit(MemoryDriver):
    capabilities = MemoryDriver.capabilities - {"get_audit_iterator"}


@mutant("A02", "E04")
class SignalsAmongPairs(MemoryDriver):
    def pairs_audit(self, size, stop, cache):
        yield self.signal(LifecycleSignal.AUDIT_START), {}
        yield from super().pairs_audit(size, stop, cache)


@mutant("A02", "A03", "A04", "A05", "A06", "A07", "A08", "A09", "A10", "A11", "A12")
class AlwaysPairs(MemoryDriver):
    def guide_audit(self, size, stop):
        return super().pairs_audit(size, stop, {})


@mutant("A03")
class NoAuditStart(MemoryDriver):
    def guide_audit(self, size, stop):
        audit = super().guide_audit(size, stop)
        first, second = next(audit), next(audit)
        del first
        yield second
        yield from audit


@mutant("A03")
class ListsBeforeStart(MemoryDriver):
    def guide_audit(self, size, stop):
        items = list(super().guide_audit(size, None))
        yield items.pop(0)
        for item in items:
            if not self.stopped(stop):
                yield item


@mutant("A03")
class EndFromFinally(MemoryDriver):
    def guide_audit(self, size, stop):
        for item in super().guide_audit(size, stop):
            if item.signal is not LifecycleSignal.AUDIT_END:
                yield item
        yield self.signal(LifecycleSignal.AUDIT_END)


@mutant("A04")
class ParentOfTheSystem(MemoryDriver):
    def row(self, path, node, **more):
        row = super().row(path, node, **more)
        return {**row, "parent_path": "/srv/data" + posixpath.dirname(path)} if "parent_mtime" in more else row


@mutant("A04")
class ParentTimeIsOwnTime(MemoryDriver):
    def row(self, path, node, **more):
        if "parent_mtime" in more:
            more["parent_mtime"] = node.mtime
        return super().row(path, node, **more)


@mutant("A05", "A04", "A09")
class NoContainerRows(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        yield from ()


@mutant("A05", "A12")
class ContainerFirst(MemoryDriver):
    def audit(self, path, cache, stop, above=None):
        told = list(super().audit(path, cache, stop, above))
        return iter([*told[-1:], *told[:-1]])


@mutant("A06")
class SilentWithoutMark(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        return super().container(system, path, node, above, silent=False, failed=failed)


@mutant("A07")
class SilentIsNotEntered(MemoryDriver):
    def children(self, system, path):
        node = system.stat(path)
        if node is not None and getattr(self, "_cache", {}).get(path) == node.mtime == self._listed.get(path):
            return []
        return super().children(system, path)

    def guide_audit(self, size, stop):
        self._cache = {}
        return super().guide_audit(size, stop)

    def pairs_audit(self, size, stop, cache):
        self._cache = cache
        return super().pairs_audit(size, stop, cache)


@mutant("A08")
class WritesTheHostsDict(MemoryDriver):
    def pairs_audit(self, size, stop, cache):
        for event, stamps in super().pairs_audit(size, stop, cache):
            cache.update(stamps)
            yield event, stamps


@mutant("A09", "A10", "A11")
class OwnCacheCounts(MemoryDriver):
    def is_silent(self, path, node, cache):
        return cache is not None and self._listed.get(path) == node.mtime


@mutant("A10")
class PlainRowForUnreadable(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        return super().container(system, path, node, above, silent=silent, failed=False)


@mutant("A10")
class NoRowForUnreadable(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        if not failed:
            yield from super().container(system, path, node, above, silent=silent, failed=False)


@mutant("A10")
class OneUnreadableEndsTheAudit(MemoryDriver):
    def children(self, system, path):
        if path in system.unreadable:
            raise DriverError(f"{path!r} cannot be read")
        return super().children(system, path)


@mutant("A11", "A03", "A12", "A07")
class AuditFromMemory(MemoryDriver):
    def children(self, system, path):
        if not hasattr(self, "_known"):
            self._known = {}
        return self._known.setdefault(path, super().children(system, path))


@mutant("A12")
class StampsAfterListing(MemoryDriver):
    def container(self, system, path, node, above, *, silent, failed):
        now = system.stat(path) or node
        row, stamps = next(super().container(system, path, now, above, silent=silent, failed=failed))
        yield {**row, "parent_mtime": now.mtime} if path == "/" else row, stamps


# U: pusher


def log(rule_id: str, *also: str) -> Callable[[type], type]:
    return mutant(rule_id, *also, world=FileWorld)


def keyed(rule_id: str, *also: str) -> Callable[[type], type]:
    return mutant(rule_id, *also, world=KeyedFileWorld)


@log("U01")
class SessionIsText(LogDriver):
    async def create_session(self, task_id, **kwargs):
        return (await super().create_session(task_id, **kwargs))["session_id"]


@log("U01")
class NoHeartbeatInterval(LogDriver):
    async def create_session(self, task_id, **kwargs):
        return {"session_id": (await super().create_session(task_id, **kwargs))["session_id"]}


@log("U02")
class OneSourceForTheBatch(LogDriver):
    async def push(self, events, **kwargs):
        self._source = kwargs.get("source_type", "realtime")
        return await super().push(events, **kwargs)

    def stored_row(self, row, event):
        return {**row, "message_source": self._source}


@log("U03", "U04", "U05", "U06", "U09", "U10")
class EndNeedsEvents(LogDriver):
    async def push(self, events, **kwargs):
        return await super().push(
            events, **{**kwargs, "is_snapshot_end": bool(events) and kwargs.get("is_snapshot_end")}
        )


@log("U03", "U02", "U05", "U06", "U09", "U12", "U15", "U10")
class FirstEventOfNone(LogDriver):
    async def push(self, events, **kwargs):
        if events[0].rows is None:
            return {"success": True, "snapshot_needed": False}
        return await super().push(events, **kwargs)


@log("U04", "U06", "U09")
class RowsWanted(LogDriver):
    async def push(self, events, **kwargs):
        for event in events:
            if event.signal is None and not event.rows[0]:
                raise DriverError("A row is empty")
        return await super().push(events, **kwargs)


@log("U05")
class TaskOfTheCall(LogDriver):
    def end(self, state, session, task):
        task = state["tasks"].get(self._task or session["task"], {})
        task["complete"] = True

    async def push(self, events, **kwargs):
        self._task = kwargs.get("task_id")
        return await super().push(events, **kwargs)


@log("C11")
class PushTakesTheseOnly(LogDriver):
    async def push(self, events, session_id=None, task_id=None, source_type=None, is_snapshot_end=False):
        return await super().push(events, session_id=session_id, is_snapshot_end=is_snapshot_end)


@log("U06")
class NoSuccess(LogDriver):
    async def push(self, events, **kwargs):
        return {**await super().push(events, **kwargs), "snapshot_needed": None}


@log("U07")
class UnknownIsKeyError(LogDriver):
    def session(self, state, session_id):
        return state["sessions"][session_id]


@log("U07")
class UnknownIsSwallowed(LogDriver):
    async def push(self, events, **kwargs):
        if kwargs.get("session_id") not in self.load()["sessions"]:
            return {"success": True, "snapshot_needed": False}
        return await super().push(events, **kwargs)


@log("U08")
class HeartbeatOfSession(LogDriver):
    async def heartbeat(self, **kwargs):
        return {"status": kwargs["session_id"]}


@log("U09")
class CountsHalfASnapshot(LogDriver):
    async def get_latest_committed_index(self, **kwargs):
        state = self.load()
        task = state["tasks"][self.session(state, kwargs.get("session_id"))["task"]]
        return max(task["realtime"], task["snapshot"])


@log("U09")
class IndexOfRowsOnly(LogDriver):
    def take(self, state, session, task, event):
        if event.rows:
            super().take(state, session, task, event)


@log("U09", "U05", "U03")
class IndexInMemory(LogDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._index = -1

    async def push(self, events, **kwargs):
        self._index = max([self._index, *(event.index for event in events)])
        return await super().push(events, **kwargs)

    async def get_latest_committed_index(self, **kwargs):
        known = await super().get_latest_committed_index(**kwargs)
        return self._index if known != -1 else -1


@log("U10")
class NoDigest(LogDriver):
    def is_repeated(self, session, events):
        return False


@log("U10", "U02")
class DropsEveryOldIndex(LogDriver):
    def take(self, state, session, task, event):
        if event.index > max([0, *task["phases"].values()]):
            super().take(state, session, task, event)


@log("U10")
class DropsASignal(LogDriver):
    def is_repeated(self, session, events):
        return super().is_repeated(session, [event for event in events if event.signal is None])


@log("U10")
class DigestOfEverySession(LogDriver):
    last: dict[str, Any] = {}

    def is_repeated(self, session, events):
        return super().is_repeated({**session, "last": self.last.setdefault(self.config.endpoint, {})}, events)


@keyed("U10", "U02", "U15")
class AppendsToKeyed(KeyedDriver):
    def store(self, state, session, event):
        LogDriver.store(self, state, session, event)


@log("U11", "U10")
class AddsAField(LogDriver):
    def store(self, state, session, event):
        for row in event.rows:
            row["pushed"] = True
        super().store(state, session, event)


@log("U11", "U10")
class EmptiesTheRows(LogDriver):
    def store(self, state, session, event):
        super().store(state, session, event)
        event.rows = []


@log("U12")
class SecondCloseRaises(LogDriver):
    async def push(self, events, **kwargs):
        self._used = True
        return await super().push(events, **kwargs)

    async def close(self):
        if getattr(self, "_used", None) is False:
            raise DriverError("Closed already")
        self._used = False if hasattr(self, "_used") else None


@log("U13")
class FieldsAsList(LogDriver):
    @classmethod
    async def get_needed_fields(cls, **kwargs):
        return ["path"]


@log("U13")
class FieldsNeedEndpoint(LogDriver):
    @classmethod
    async def get_needed_fields(cls, **kwargs):
        return {"properties": {kwargs["endpoint"]: {}}}


@keyed("U15")
class LeavesGhosts(KeyedDriver):
    def end(self, state, session, task):
        task["complete"] = True


@keyed("U15")
class EmptiesWhatWasSkipped(KeyedDriver):
    def is_kept(self, path, told):
        return path in told


@keyed("U15")
class ClearsAtTheStart(KeyedDriver):
    async def create_session(self, task_id, **kwargs):
        state = self.load()
        self.save({**state, "rows": []})
        return await super().create_session(task_id, **kwargs)


@log("U16")
class WritesWhenClosed(LogDriver):
    async def close(self):
        if hasattr(self, "_state"):
            super().save(self._state)

    def load(self):
        return getattr(self, "_state", None) or super().load()

    def save(self, state):
        self._state = state
        if [row["path"] for row in state["rows"]] != ["/kit-0", "/kit-1", "/kit-2"]:
            super().save(state)


# R: run


@mutant("R03", "A06", "A09", "A10", "A11")
class AuditOverlooks(MemoryDriver):
    def audit_child(self, system, path, *rest, **more):
        if path != "/kit-7":
            yield from super().audit_child(system, path, *rest, **more)


@mutant("R05")
class NeverTwice(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._gone = set()

    def messages(self, change):
        if change.kind is EventType.DELETE:
            self._gone.add(change.path)
        if change.kind is EventType.DELETE or change.path not in self._gone:
            yield from super().messages(change)


class _AskedFirst(MemoryDriver):
    """A driver that tells no snapshot once it was asked for one certain position: only whole hosts do both."""

    asked: set[str] = set()
    position = 0

    def is_position_available(self, position):
        if position == self.position:
            self.asked.add(self.config.uri)
        return position > 0 and super().is_position_available(position)

    def begin(self, system, start_position):
        return super().begin(system, max(start_position, 0) or -2)

    def snapshot_rows(self, stop, partition):
        return iter(()) if self.config.uri in self.asked else super().snapshot_rows(stop, partition)


@mutant("R01")
class EmptyAfterMinusOne(_AskedFirst):
    position = -1


@mutant("R02")
class EmptyAfterZero(_AskedFirst):
    position = 0
