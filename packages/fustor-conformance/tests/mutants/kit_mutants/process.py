"""Drivers that lean on their process, their class or their caller's objects."""

# ruff: noqa: ARG003, RUF012 - a mutant keeps the signature that it breaks

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kit_clock import ClockWorld, ParameterWorld, TablesWorld
from kit_memory import SYSTEMS, System
from kit_pusher import FileWorld, LogDriver
from kit_source import MemoryDriver

from fustor_core.exceptions import ConfigError
from fustor_source_example import ExampleDriver
from kit_mutants.registry import mutant


@mutant("C03")
class EachEventOnce(MemoryDriver):
    """Of two streams of one system only one has each event."""

    taken: set[tuple[str, int]] = set()
    lock = threading.Lock()

    def messages(self, change):
        with self.lock:
            is_first = (self.config.uri, change.index) not in self.taken
            self.taken.add((self.config.uri, change.index))
        if is_first:
            yield from super().messages(change)


@mutant("C08")
class FieldsLeaveOneOut(MemoryDriver):
    @classmethod
    async def get_available_fields(cls, **kwargs):
        names = ("path", "parent_path", "is_directory", "size", "mtime", "modified_time")
        return {"properties": {name: {"type": "string", "column_index": n} for n, name in enumerate(names)}}


@mutant("C09")
class ConnectedToNothing(MemoryDriver):
    @classmethod
    async def test_connection(cls, **kwargs):
        return True, "Connected"


@mutant("C09")
class NeverConnected(MemoryDriver):
    @classmethod
    async def test_connection(cls, **kwargs):
        return False, "There is no such system"


def _take_over_term():
    with suppress(ValueError):  # in another thread than the main one
        signal.signal(signal.SIGTERM, lambda *_: None)


@mutant("C15")
class TakesOverTerm(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        _take_over_term()
        return super().get_message_iterator(start_position, **kwargs)


@mutant("C15", world=FileWorld)
class TakesOverTermToo(LogDriver):
    async def push(self, events, **kwargs):
        _take_over_term()
        return await super().push(events, **kwargs)


@mutant("C19", world=ClockWorld)
class LocalTimes(ExampleDriver):
    """Times pass through a naive datetime, which is read as local time."""

    def get_snapshot_iterator(self, **kwargs):
        for event in super().get_snapshot_iterator(**kwargs):
            for row in event.rows:
                there = datetime.fromtimestamp(row["mtime"], UTC).replace(tzinfo=None)
                row["mtime"] = row["modified_time"] = there.timestamp()
            yield event


@mutant("S06", world=ClockWorld)
class PartitionsByHash(ExampleDriver):
    capabilities = ExampleDriver.capabilities | {"get_snapshot_partitions"}

    def get_snapshot_partitions(self, n):
        return [{"part": part, "of": n} for part in range(n)]

    def get_snapshot_iterator(self, **kwargs):
        part = kwargs.get("partition")
        for event in super().get_snapshot_iterator(**kwargs):
            if part is not None:
                event.rows = [row for row in event.rows if hash(row["path"]) % part["of"] == part["part"]]
            if event.rows:
                yield event


@mutant("S10", world=ClockWorld)
class ListsWhatWasRemoved(ExampleDriver):
    def get_snapshot_iterator(self, **kwargs):
        everything = ExampleDriver(self.id, self.config)
        everything._ticks = replace(self._ticks, params=self.params.model_copy(update={"keep": 100_000}))
        return everything.get_snapshot_iterator(**kwargs)


@mutant("C20")
class OneSystemForAnId(MemoryDriver):
    """What one instance has found is taken for every other one's of that id, as long as it is there."""

    systems: dict[str, System] = {}

    def system(self):
        known = self.systems.get(self.id)
        if known is None or all(known is not system for system in SYSTEMS.values()):
            known = self.systems[self.id] = super().system()
        return known


@mutant("C20", "R05")
class ListedForAll(MemoryDriver):
    """What snapshots list is kept with the class, and a stream adds what its own system lacks of that."""

    listed: dict[str, str] = {}

    def snapshot_rows(self, stop, partition):
        for row in super().snapshot_rows(stop, partition):
            self.listed[row["path"]] = self.config.uri
            yield row

    def messages(self, change):
        others = {path for path, uri in list(self.listed.items()) if uri != self.config.uri and uri in SYSTEMS}
        for event in super().messages(change):
            event.rows += [{**event.rows[0], "path": path} for path in sorted(others - self.system().nodes.keys())]
            yield event


@mutant("C21", world=ParameterWorld)
class TakesEveryParameter(MemoryDriver):
    params: dict[str, Any] = {}


class Tables(MemoryDriver):
    """Keeps the rules: has one table, which its parameter names."""

    tables = ["/things"]

    def __init__(self, id, config):
        super().__init__(id, config)
        if config.driver_params.keys() - {"known", "tables"}:
            raise ConfigError("There is no such parameter; remove it")
        if any(name not in self.tables for name in config.driver_params.get("tables", ())):
            self.lacks_table()

    def lacks_table(self):
        raise ConfigError("There is no such table; correct `tables`")


@mutant("C21", world=TablesWorld)
class NoTableIsNoRow(Tables):
    def lacks_table(self):
        self.tables = []

    def snapshot_rows(self, stop, partition):
        return super().snapshot_rows(stop, partition) if self.tables else iter(())
