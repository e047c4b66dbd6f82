"""Drivers that break what the monitor watches: times, names, orders, and what a process shares."""

from __future__ import annotations

import calendar
import logging
import os
import threading
import time
from datetime import UTC, datetime

from kit_pusher import FileWorld, LogDriver
from kit_source import MemoryDriver

from fustor_event_model import EventType, MessageSource
from kit_mutants.registry import mutant

_held = []


@mutant("E11")
class NameOfParent(MemoryDriver):
    def row(self, path, node, **more):
        row = super().row(path, node, **more)
        return {**row, "file_name": row["path"].lstrip("/")}


@mutant("E11", "A04")
class ParentWithSlash(MemoryDriver):
    def row(self, path, node, **more):
        row = super().row(path, node, **more)
        return {**row, "parent_path": row["parent_path"].rstrip("/") + "/"}


class _Timed(MemoryDriver):
    def time(self, mtime):
        raise NotImplementedError

    def row(self, path, node, **more):
        row = super().row(path, node, **more)
        return {**row, "mtime": self.time(row["mtime"]), "modified_time": self.time(row["mtime"])}

    def audit(self, path, cache, stop, above=None):
        for row, stamps in super().audit(path, cache, stop, above):
            yield {**row, "parent_mtime": self.time(row["parent_mtime"])}, stamps


@mutant("E12")
class Milliseconds(_Timed):
    def time(self, mtime):
        return round(mtime * 1000)


@mutant("E12")
class Nanoseconds(_Timed):
    def time(self, mtime):
        return int(mtime * 1e9)


@mutant("E13")
class UtcReadAsLocal(_Timed):
    def time(self, mtime):
        return datetime.fromtimestamp(mtime, tz=UTC).replace(tzinfo=None).timestamp()


@mutant("E13")
class LocalReadAsUtc(_Timed):
    def time(self, mtime):
        return calendar.timegm(time.localtime(mtime)) + mtime % 1


@mutant("E14")
class ContainerFirst(MemoryDriver):
    def pending(self, system, position, end):
        changes = super().pending(system, position, end)
        deletes = [change for change in changes if change.kind is EventType.DELETE]
        order = iter(sorted(deletes, key=lambda change: change.path.count("/")))
        told = [next(order) if change.kind is EventType.DELETE else change for change in changes]
        return [replaced(one, change.index) for one, change in zip(told, changes, strict=True)]


def replaced(change, index):
    return type(change)(index, change.kind, change.path, change.node, change.parent_mtime)


@mutant("E14", "M06", "R03", "R05")
class ContainerAlone(MemoryDriver):
    def pending(self, system, position, end):
        return [
            change for change in super().pending(system, position, end) if not self.is_below_a_delete(system, change)
        ]

    def is_below_a_delete(self, system, change):
        later = system.log[change.index - 1 :]
        return change.kind is EventType.DELETE and any(
            other.kind is EventType.DELETE and change.path.startswith(other.path + "/") for other in later
        )


class _Database(MemoryDriver):
    """Rows with columns, and with the clock of their reading in bulk."""

    def __init__(self, id, config):
        super().__init__(id, config)
        self.bulk = 0.0

    def event(self, kind, rows, source, index=-1):
        for row in rows:
            if not row["is_directory"]:
                row.setdefault("record", {"n": row["size"]})
            if source is MessageSource.SNAPSHOT:
                self.bulk = max(self.bulk, time.time())
                row["mtime"] = row["modified_time"] = self.bulk
        event = super().event(kind, rows, source, index)
        event.event_schema = "kit"
        if rows:
            event.fields = list(rows[0])
        return event

    def batches(self, rows, source, size):
        del size
        return super().batches(rows, source, 1)


@mutant("E15", "E08")
class CommitTimes(_Database):
    pass


@mutant("E12", "E08")
class Tomorrow(_Database):
    def change_row(self, change):
        row = super().change_row(change)
        return {**row, "mtime": row["mtime"] + 86_400, "modified_time": row["mtime"] + 86_400}


@mutant("C15")
class SetsTheZone(MemoryDriver):
    def system(self):
        os.environ["TZ"] = "UTC"
        time.tzset()
        return super().system()


@mutant("C15", world=FileWorld)
class PasswordInTheEnvironment(LogDriver):
    async def create_session(self, task_id, **kwargs):
        os.environ["KIT_PASSWORD"] = "secret"  # noqa: S105 - what this driver does wrong
        return await super().create_session(task_id, **kwargs)


@mutant("C15")
class QuietensEverybody(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        logging.disable(logging.WARNING)
        return super().get_snapshot_iterator(**kwargs)


@mutant("C16", "E12")
class KeyErrorOnAMissingNode(MemoryDriver):
    def messages(self, change):
        if change.kind is EventType.DELETE:
            raise KeyError(change.path)
        return super().messages(change)


@mutant("C16", world=FileWorld)
class KeyErrorOnAnOldSession(LogDriver):
    async def heartbeat(self, **kwargs):
        return {}[kwargs["session_id"]]


class _Box:
    """Holds a thread until it is told to let go, which it never is."""

    def __init__(self):
        self.thread = threading.Thread(target=threading.Event().wait, daemon=True)
        self.thread.start()


@mutant("C17", "S05", "M09")
class ThreadForEachSnapshot(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        _Box()
        yield from super().snapshot_rows(stop, partition)


@mutant("C17", world=FileWorld)
class FileStaysOpen(LogDriver):
    async def create_session(self, task_id, **kwargs):
        _held.append(os.dup(0))
        return await super().create_session(task_id, **kwargs)


@mutant("C18")
class TakesOutAParameter(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        config.driver_params["read_by"] = id


@mutant("C18", "C02", world=FileWorld)
class FillsInAParameter(LogDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        config.driver_params.setdefault("compress", True)
