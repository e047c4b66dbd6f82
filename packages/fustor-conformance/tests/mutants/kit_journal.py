"""A table in SQLite with a journal of its changes: its World, and a source that polls the journal and keeps every rule.

Unlike the tree in memory it can be read from another process, and its rows have records.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from fustor_conformance.worlds.tables import Table
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource

Row = dict[str, Any]
_JOURNAL = """
create table journal (n integer primary key autoincrement, id text, value int, note text, gone int, at real)
"""
_LINE = "insert into journal (id, value, note, gone, at) select id, value, note, ?, ? from items where id = ?"


class JournalWorld(Table):
    """The table, changed and read without the driver."""

    def __enter__(self):
        self._directory = TemporaryDirectory()
        self.file = str(Path(self._directory.name) / "table.db")
        with closing(self.connect()) as conn:
            conn.execute("pragma journal_mode = wal")
            conn.execute(_JOURNAL)
        return super().__enter__()

    def __exit__(self, *exc_info):
        self._directory.cleanup()

    def connect(self) -> sqlite3.Connection:
        conn = sqlite3.connect(self.file, timeout=10)
        conn.execute("pragma synchronous = off")  # no test here cuts the power
        return conn

    def config(self) -> Row:
        return {"uri": f"journal://{self.file}", "retry_delay_sec": 0.02}

    def broken(self) -> Row:
        return {**self.config(), "uri": f"journal://{self.file}.missing", "max_retries": 1}

    def told(self, key: str, *, gone: bool) -> list[Any]:
        return [(_LINE, (gone, time.time(), key))]


def _path(key: str) -> str:
    return f"/main/items/{quote(key, safe='')}"


def record(row: tuple[Any, ...]) -> Row:
    return {"id": row[0], "value": row[1], "note": row[2]}


def size(row: tuple[Any, ...]) -> int:
    return sum(len(str(value).encode()) for value in row[:3] if value is not None)


class JournalDriver(SourceDriver):
    """Polls every 20 ms; an index is a line of the journal."""

    capabilities = frozenset({"get_audit_iterator", "end_position", "get_latest_position", "get_snapshot_partitions"})
    poll_sec = 0.02

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self._stop_driver_event = threading.Event()
        self._file = config.uri.partition("://")[2]
        self._clock = 0.0

    def read(self, statement: str, *values: Any) -> list[Any]:
        try:
            with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=10)) as conn:
                return conn.execute(statement, values).fetchall()
        except sqlite3.Error as err:
            raise DriverError(f"The table cannot be read ({err})") from err

    def stopped(self, stop: threading.Event | None) -> bool:
        return self._stop_driver_event.is_set() or (stop is not None and stop.is_set())

    def now(self) -> float:
        self._clock = max(self._clock, time.time())
        return self._clock

    def get_latest_position(self) -> int:
        return self.read("select coalesce(max(n), 0) + 1 from journal")[0][0]

    def is_position_available(self, position: int) -> bool:
        try:
            return 0 < position <= self.get_latest_position()
        except DriverError:
            return False

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        start = start_position if self.is_position_available(start_position) else self.get_latest_position()
        return self.follow(start, kwargs.get("stop_event"), kwargs.get("end_position"))

    def follow(self, position: int, stop: threading.Event | None, end: int | None) -> Iterator[EventBase]:
        while not self.stopped(stop):
            latest = self.get_latest_position()
            for n, *row, gone, at in self.changes(position):
                if self.stopped(stop) or (end is not None and n + 1 > end):
                    return
                position = n + 1
                yield self.change(n + 1, tuple(row), bool(gone), at)
            if end is not None and latest >= end:
                return
            (stop or self._stop_driver_event).wait(self.poll_sec)

    def changes(self, position: int) -> list[Any]:
        return self.read("select n, id, value, note, gone, at from journal where n + 1 > ? order by n", position)

    def change(self, index: int, row: tuple[Any, ...], gone: bool, at: float) -> EventBase:
        told = self.row(row, max(at, self._clock))
        told = {**told, "size": None} if gone else told
        return self.event(EventType.DELETE if gone else EventType.UPDATE, [told], MessageSource.REALTIME, index)

    def row(self, row: tuple[Any, ...], at: float) -> Row:
        return {"path": _path(row[0]), "mtime": at, "size": size(row), "record": record(row)}

    def event(
        self,
        kind: EventType,
        rows: list[Row],
        source: MessageSource,
        index: int = -1,
        table: str = "items",
        **more: Any,
    ) -> EventBase:
        fields = list(rows[0]) if rows else []
        return EventBase(
            event_type=kind,
            fields=fields,
            rows=rows,
            index=index,
            event_schema="main",
            table=table,
            message_source=source,
            **more,
        )

    def pages(self, size: int) -> Iterator[tuple[float, list[Any]]]:
        last = ""
        while True:
            before = self.now()
            page = self.read("select * from items where id > ? order by id limit ?", last, size)
            if not page:
                return
            last = page[-1][0]
            yield before, page

    def in_part(self, row: tuple[Any, ...], partition: Any) -> bool:
        return partition is None or zlib.crc32(row[0].encode()) % partition["of"] == partition["part"]

    def get_snapshot_partitions(self, n: int) -> list[Any]:
        return [{"part": part, "of": n} for part in range(n)]

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        return self.snapshot(kwargs.get("batch_size", 1000), kwargs.get("stop_event"), kwargs.get("partition"))

    def snapshot(self, size: int, stop: threading.Event | None, partition: Any) -> Iterator[EventBase]:
        for at, page in self.pages(size):
            if self.stopped(stop):
                raise DriverError("Stopped before its end")
            if rows := [self.row(row, at) for row in page if self.in_part(row, partition)]:
                yield self.event(EventType.UPDATE, rows, MessageSource.SNAPSHOT)

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[Any]:
        events = self.audit(kwargs.get("batch_size", 1000), kwargs.get("stop_event"))
        return self.guide(events, kwargs.get("stop_event")) if kwargs.get("mtime_cache") is None else pairs(events)

    def guide(self, events: Iterator[EventBase], stop: threading.Event | None) -> Iterator[EventBase]:
        yield self.event(EventType.UPDATE, [], MessageSource.AUDIT, table="", signal=LifecycleSignal.AUDIT_START)
        yield from events
        if not self.stopped(stop):
            yield self.event(EventType.UPDATE, [], MessageSource.AUDIT, table="", signal=LifecycleSignal.AUDIT_END)

    def audit(self, size: int, stop: threading.Event | None) -> Iterator[EventBase]:
        began = self.now()
        for at, page in self.pages(size):
            if self.stopped(stop):
                return
            rows = [{**self.row(row, at), "parent_path": "/main/items", "parent_mtime": began} for row in page]
            yield self.event(EventType.UPDATE, rows, MessageSource.AUDIT)
        for path in ("/main/items", "/main", "/"):
            parent = "" if path == "/" else path.rpartition("/")[0] or "/"
            row = {"path": path, "mtime": began, "size": 0, "is_directory": True}
            rows = [{**row, "parent_path": parent, "parent_mtime": began}]
            table = "items" if path == "/main/items" else ""
            yield self.event(EventType.UPDATE, rows, MessageSource.AUDIT, table=table)

    async def close(self) -> None:
        self._stop_driver_event.set()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> Row:
        del kwargs
        names = ("path", "mtime", "size", "record", "parent_path", "parent_mtime", "is_directory")
        return {"properties": {name: {"type": "string", "column_index": n} for n, name in enumerate(names)}}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        exists = _exists(str(kwargs.get("uri")))
        return exists, "The table is there" if exists else "There is no such table; correct `uri`"


def _exists(uri: str) -> bool:
    return Path(uri.partition("://")[2]).exists()


def pairs(events: Iterator[EventBase]) -> Iterator[tuple[EventBase, Row]]:
    for event in events:
        yield event, {row["path"]: row["mtime"] for row in event.rows if row.get("is_directory")}
