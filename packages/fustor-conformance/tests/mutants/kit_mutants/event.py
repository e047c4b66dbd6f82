"""Drivers that break a rule of family E: what an event holds."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kit_source import MemoryDriver

from fustor_event_model import EventBase, EventType, MessageSource, TableLayout
from kit_mutants.registry import mutant


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


@mutant("E07", "E11")
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


@mutant("E09", "C12", "S01", "S02", "S03", "S04", "S05", "S06")
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


@mutant("E10", "C24")
class RowsFromCache(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._rows = {}

    def row(self, path, node, **more):
        if more:
            return super().row(path, node, **more)
        return self._rows.setdefault((path, node), super().row(path, node))


@mutant("E08")
class FilesOfAnotherSchema(MemoryDriver):
    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.event_schema = "tree"
        return event


@mutant("E16")
class ListsAsNew(MemoryDriver):
    def event(self, kind, rows, source, index=-1):
        return super().event(
            EventType.INSERT if source is MessageSource.SNAPSHOT and rows else kind, rows, source, index
        )


@mutant("E16", "E07")
class ChangesAsNew(MemoryDriver):
    def messages(self, change):
        kind = EventType.INSERT if change.kind is EventType.UPDATE else change.kind
        yield from super().messages(replace(change, kind=kind))


class _Table(MemoryDriver):
    """Calls its rows those of a table."""

    layout = TableLayout(system="kit", columns={"name": "text", "length": "integer"}, key=("name",))

    def row(self, path, node, **more):
        name = path.rpartition("/")[2]
        return {**super().row(path, node, **more), "record": {"name": name, "length": len(name)}}

    def change_record(self, change, record):
        return record

    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.layout = self.layout if event.rows else None
        return event


@mutant("E17", "E08")
class TypesWithLengths(_Table):
    layout = TableLayout(system="kit", columns={"name": "varchar(20)", "length": "integer"}, key=("name",))


@mutant("E17", "E08")
class KeyThatIsNone(_Table):
    layout = TableLayout(system="kit", columns={"name": "text", "length": "integer"}, key=("id",))


@mutant("E16")
class WhatComesWithNewsIsNew(MemoryDriver):
    """For a moment after something new everything is an insert, as where a batch has the kind of its first change."""

    news = 0.0

    def messages(self, change):
        changes = self.system().log
        if not any(other.path == change.path and other.index < change.index for other in changes):
            self.news = time.monotonic()
        if change.kind is EventType.UPDATE and time.monotonic() - self.news < 0.05:
            change = replace(change, kind=EventType.INSERT)
        yield from super().messages(change)


@mutant("E12", "E08")
class TimesOfTheReading(_Table):
    layout = None

    def event(self, *args, **kwargs):
        event = super().event(*args, **kwargs)
        event.event_schema = "kit"
        return event

    def change_row(self, change):
        return {**super().change_row(change), "mtime": time.time()}


@mutant("E05")
class ContainersGoAsThings(MemoryDriver):
    def change_row(self, change):
        row = super().change_row(change)
        return {**row, "is_directory": False} if change.kind is EventType.DELETE else row
