"""A source of a kind that is often written: a table in SQLite with a journal beside it, polled. It keeps every rule."""

# ruff: noqa: ARG002, ARG003 - a driver keeps the signature of what it replaces

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import ConfigError, DriverError
from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource

_TABLE = "/main/items"
_CONTAINERS = (_TABLE, "/main", "/")
_SCHEMA = """
create table items (id text primary key, value integer not null, note text);
create table journal (seq integer primary key autoincrement, op text, id text, record text, at real);
create table released (up_to integer);
insert into released values (0);
"""
_SELECT = "select id, value, note from items where id > ? order by id limit ?"


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    poll_sec: float = 0.05
    page: int = 500
    tables: tuple[str, ...] = ("items",)


def path_of(key: str) -> str:
    return f"{_TABLE}/{quote(key, safe='') or '%00'}"


def size_of(record: dict[str, Any]) -> int:
    return sum(len(str(value).encode()) for value in record.values() if value is not None)


class JournalWorld:
    """The database; its connection belongs to the thread that entered it, as connections of SQLite do."""

    operations = frozenset({"create", "modify", "delete", "rename"})

    def __enter__(self):
        self._directory = TemporaryDirectory()
        self._file = Path(self._directory.name, "journal.db")
        self._db = sqlite3.connect(self._file)
        self._db.executescript("pragma journal_mode=wal; pragma synchronous=off;" + _SCHEMA)
        self._keys: dict[str, str] = {}
        return self

    def __exit__(self, *exc_info):
        self._db.close()
        self._directory.cleanup()

    def config(self) -> dict[str, Any]:
        params = {"poll_sec": 0.02, "page": 500, "tables": ["items"]}
        return {"uri": self._file.as_uri(), "max_retries": 50, "retry_delay_sec": 0.05, "driver_params": params}

    def broken(self) -> dict[str, Any]:
        return {**self.config(), "uri": self._file.with_name("nowhere.db").as_uri()}

    def create(self, key: str) -> str:
        with self._db:
            self._db.execute("insert into items values (?, 1, ?)", (key, None if len(key) % 2 else key[::-1]))
            self._note("insert", key)
        self._keys[path_of(key)] = key
        return path_of(key)

    def modify(self, path: str) -> None:
        with self._db:
            self._db.execute("update items set value = value + 1 where id = ?", (self._keys[path],))
            self._note("update", self._keys[path])

    def delete(self, path: str) -> None:
        with self._db:
            self._note("delete", self._keys[path])
            self._db.execute("delete from items where id = ?", (self._keys[path],))

    def rename(self, path: str, key: str) -> str:
        with self._db:
            self._note("delete", self._keys[path])
            self._db.execute("delete from items where id = ?", (key,))
            self._db.execute("update items set id = ? where id = ?", (key, self._keys[path]))
            self._note("insert", key)
        self._keys[path_of(key)] = key
        return path_of(key)

    def _note(self, operation: str, key: str) -> None:
        row = self._db.execute("select id, value, note from items where id = ?", (key,)).fetchone()
        record = json.dumps(dict(zip(("id", "value", "note"), row, strict=True)))
        values = (operation, key, record, time.time())
        self._db.execute("insert into journal (op, id, record, at) values (?, ?, ?, ?)", values)

    def list(self) -> dict[str, dict[str, Any]]:
        rows = self._db.execute("select id, value, note from items").fetchall()
        records = [dict(zip(("id", "value", "note"), row, strict=True)) for row in rows]
        return {path_of(record["id"]): {"record": record, "size": size_of(record)} for record in records}

    @contextmanager
    def unreadable(self, path: str):
        with self._db:
            self._db.execute("alter table items rename to closed")
        try:
            yield
        finally:
            with self._db:
                self._db.execute("alter table closed rename to items")

    @contextmanager
    def interrupted(self):
        away = self._file.rename(self._file.with_suffix(".away"))
        try:
            yield
        finally:
            away.rename(self._file)


class JournalDriver(SourceDriver):
    capabilities = frozenset(
        {"get_audit_iterator", "acknowledge", "get_latest_position", "get_snapshot_partitions", "end_position"}
    )

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self._stop_driver_event = threading.Event()
        self.params = self.parsed(config.driver_params)
        self.bulk_clock = 0.0

    def parsed(self, params: dict[str, Any]) -> Params:
        found = parse(params)
        if found.tables != ("items",):
            raise ConfigError(f"There is no table {found.tables!r}; correct `tables`")
        return found

    @property
    def is_transient(self) -> bool:
        return False

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(f"{self.config.uri}?mode=rw", uri=True, timeout=5)) as db:
                yield db
        except sqlite3.Error as err:
            raise DriverError(f"The database of {self.id!r} fails: {err}") from err

    def stopped(self, stop: threading.Event | None) -> bool:
        return self._stop_driver_event.is_set() or (stop is not None and stop.is_set())

    # Rows.

    def row(self, record: dict[str, Any], mtime: float, size: int | None, **more: Any) -> dict[str, Any]:
        return {"path": path_of(record["id"]), "mtime": mtime, "size": size, "record": record, **more}

    def event(self, rows: list[dict[str, Any]], source: MessageSource, **more: Any) -> EventBase:
        keywords = {"event_type": EventType.UPDATE, "index": -1, "event_schema": "main", "table": "items", **more}
        return EventBase(fields=list(rows[0]) if rows else [], rows=rows, message_source=source, **keywords)

    def size(self, record: dict[str, Any]) -> int:
        return size_of(record)

    # Snapshot.

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        return self.snapshot(kwargs.get("batch_size") or 1000, kwargs.get("stop_event"), kwargs.get("partition"))

    def snapshot(self, size: int, stop: threading.Event | None, partition: Any) -> Iterator[EventBase]:
        try:
            for records, clock in self.pages(size, stop):
                self.bulk_clock = max(self.bulk_clock, clock)
                chosen = [one for one in records if partition is None or self.is_in(one, partition)]
                if chosen:
                    rows = [self.row(one, clock, self.size(one)) for one in chosen]
                    yield self.event(rows, MessageSource.SNAPSHOT)
        except DriverError as err:
            if "no such table" not in str(err):
                raise
            yield self.event([self.mark(time.time())], MessageSource.SNAPSHOT)

    def is_in(self, record: dict[str, Any], partition: dict[str, int]) -> bool:
        return sum(record["id"].encode()) % partition["of"] == partition["part"]

    def mark(self, clock: float) -> dict[str, Any]:
        return {"path": _TABLE, "mtime": clock, "size": 0, "is_directory": True, "record": {}, "audit_skipped": True}

    def pages(self, size: int, stop: threading.Event | None) -> Iterator[tuple[list[dict[str, Any]], float]]:
        after = ""
        first = True
        while True:
            self.go_on(stop)
            clock, records = self.page(after, min(size, self.params.page), first=first)
            if not records:
                return
            yield records, clock
            after, first = records[-1]["id"], False

    def page(self, after: str, limit: int, *, first: bool) -> tuple[float, list[dict[str, Any]]]:
        clock = time.time()
        with self.database() as db:
            statement = _SELECT.replace("id > ?", "id >= ?") if first else _SELECT
            rows = db.execute(statement, (after, limit)).fetchall()
        return clock, [dict(zip(("id", "value", "note"), row, strict=True)) for row in rows]

    def go_on(self, stop: threading.Event | None) -> None:
        if self.stopped(stop):
            raise DriverError("Stopped before its end")

    def get_snapshot_partitions(self, n: int) -> list[Any]:
        return [{"part": part, "of": n} for part in range(n)]

    # Realtime.

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        position = self.begin(start_position)
        return self.follow(position, kwargs.get("stop_event"), kwargs.get("end_position"))

    def begin(self, start_position: int) -> int:
        return start_position if self.is_position_available(start_position) else self.get_latest_position()

    def follow(self, position: int, stop: threading.Event | None, end: int | None) -> Iterator[EventBase]:
        while not self.stopped(stop):
            latest, changes = self.look(position, end, stop)
            for change in changes:
                if self.stopped(stop):
                    return
                position = change[0]
                yield self.told(*change)
            if end is not None and position >= min(end, latest) and latest >= end:
                return
            if not changes:
                (stop or self._stop_driver_event).wait(self.params.poll_sec)

    def look(self, position: int, end: int | None, stop: threading.Event | None) -> tuple[int, list[Any]]:
        for attempt in range(self.config.max_retries):
            try:
                with self.database() as db:
                    latest = db.execute("select coalesce(max(seq), 0) from sqlite_sequence").fetchone()[0]
                    return latest, self.changes(db, position, latest if end is None else min(end, latest))
            except DriverError:
                if attempt + 1 == self.config.max_retries or self.stopped(stop):
                    raise
                (stop or self._stop_driver_event).wait(self.config.retry_delay_sec)
        raise AssertionError

    def changes(self, db: sqlite3.Connection, position: int, end: int) -> list[Any]:
        found = "select seq, op, record, at from journal where seq > ? and seq <= ? order by seq limit 500"
        return db.execute(found, (position, end)).fetchall()

    def told(self, index: int, operation: str, record: str, at: float) -> EventBase:
        row = json.loads(record)
        is_gone = operation == "delete"
        told = self.row(row, max(at, self.bulk_clock), None if is_gone else self.size(row))
        return self.event([told], MessageSource.REALTIME, event_type=EventType(operation), index=index)

    def is_position_available(self, position: int) -> bool:
        if position <= 0:
            return False
        try:
            with self.database() as db:
                released = db.execute("select up_to from released").fetchone()[0]
                return bool(released <= position <= self.latest(db))
        except DriverError:
            return False

    def latest(self, db: sqlite3.Connection) -> int:
        return int(db.execute("select coalesce(max(seq), 0) from sqlite_sequence").fetchone()[0])

    def get_latest_position(self) -> int:
        with self.database() as db:
            return self.latest(db)

    def acknowledge(self, index: int) -> None:
        try:
            with self.database() as db, db:
                upto = min(index, self.latest(db))
                db.execute("update released set up_to = max(up_to, ?)", (upto,))
                db.execute("delete from journal where seq <= ?", (upto,))
        except DriverError:
            return

    # Audit.

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[Any]:
        rows = self.audit(kwargs.get("batch_size") or 1000, kwargs.get("stop_event"))
        if kwargs.get("mtime_cache") is not None:
            return ((event, self.stamps(event)) for event in rows)
        return self.bracketed(rows)

    def stamps(self, event: EventBase) -> dict[str, float]:
        listed = (row for row in event.rows if row.get("is_directory") and not row.get("audit_skipped"))
        return {row["path"]: row["mtime"] for row in listed}

    def bracketed(self, events: Iterator[EventBase]) -> Iterator[EventBase]:
        yield self.signal(LifecycleSignal.AUDIT_START)
        yield from events
        yield self.signal(LifecycleSignal.AUDIT_END)

    def signal(self, signal: LifecycleSignal) -> EventBase:
        return self.event([], MessageSource.AUDIT, signal=signal, table="")

    def audit(self, size: int, stop: threading.Event | None) -> Iterator[EventBase]:
        before = self.stamp()
        failed = False
        try:
            for records, clock in self.pages(size, stop):
                self.bulk_clock = max(self.bulk_clock, clock)
                place = {"parent_path": _TABLE, "parent_mtime": before}
                rows = [self.row(one, clock, self.size(one), **place) for one in records]
                yield self.event(rows, MessageSource.AUDIT)
        except DriverError as err:
            if "no such table" not in str(err):
                raise
            failed = True
        skipped = failed or self.stamp() != before
        for path in _CONTAINERS:
            self.go_on(stop)
            yield self.event(
                [self.container(path, before, skipped=skipped and path == _TABLE)],
                MessageSource.AUDIT,
                table="items" if path == _TABLE else "",
                event_schema="main",
            )

    def container(self, path: str, stamp: float, *, skipped: bool) -> dict[str, Any]:
        parent = "" if path == "/" else path.rpartition("/")[0] or "/"
        row = {"path": path, "mtime": stamp, "size": 0, "is_directory": True, "record": {}}
        return {**row, "parent_path": parent, "parent_mtime": stamp, **({"audit_skipped": True} if skipped else {})}

    def stamp(self) -> float:
        with self.database() as db:
            return float(self.latest(db))

    # The rest.

    async def close(self) -> None:
        self._stop_driver_event.set()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        names = ("path", "mtime", "size", "parent_path", "parent_mtime", "is_directory", "record")
        return {"properties": {name: {"type": "string", "column_index": n} for n, name in enumerate(names)}}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        try:
            with closing(sqlite3.connect(f"{kwargs.get('uri', 'file:nowhere')}?mode=rw", uri=True)) as db:
                db.execute("select 1 from released")
        except (sqlite3.Error, ValueError) as err:
            return False, f"There is no such database ({type(err).__name__}); correct `uri`"
        return True, "Connected"


def parse(params: dict[str, Any]) -> Params:
    try:
        return Params.model_validate(params)
    except ValidationError as err:
        raise ConfigError(f"driver_params: {err}") from err
