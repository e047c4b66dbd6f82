"""The reference source: keeps every rule, and is cut so that a mutant overrides one small method."""

from __future__ import annotations

import posixpath
import threading
import time
from collections.abc import Iterator
from typing import Any

from kit_memory import GRANULARITY_SEC, SYSTEMS, Change, Node, System

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource

Row = dict[str, Any]


class MemoryDriver(SourceDriver):
    capabilities = frozenset(
        {
            "get_audit_iterator",
            "acknowledge",
            "get_latest_position",
            "get_snapshot_partitions",
            "scan_path",
            "perform_sentinel_check",
            "end_position",
        }
    )

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self._stop_driver_event = threading.Event()
        self._listed: dict[str, float] = {}
        self._touched: list[str] = []
        self._visited: set[str] = set()
        self._audit_began = 0

    @property
    def is_transient(self) -> bool:
        return False

    # Events and rows.

    def event(self, kind: EventType, rows: list[Row], source: MessageSource, index: int = -1) -> EventBase:
        fields = list(rows[0]) if rows else []
        return EventBase(
            event_type=kind,
            fields=fields,
            rows=rows,
            index=index,
            event_schema="fs",
            table="",
            message_source=source,
        )

    def row(self, path: str, node: Node, **more: Any) -> Row:
        return {
            "path": path,
            "file_name": posixpath.basename(path),
            "parent_path": "" if path == "/" else posixpath.dirname(path),
            "is_directory": node.directory,
            "size": node.size,
            "mtime": node.mtime,
            "modified_time": node.mtime,
            **({} if node.record is None else {"record": node.record}),
            **more,
        }

    def batches(self, rows: Iterator[Row], source: MessageSource, size: int) -> Iterator[EventBase]:
        pending: list[Row] = []
        for row in rows:
            if pending and (len(pending) >= size or row.keys() != pending[0].keys()):
                yield self.event(EventType.UPDATE, pending, source)
                pending = []
            pending.append(row)
        if pending:
            yield self.event(EventType.UPDATE, pending, source)

    # Reaching the system.

    def system(self) -> System:
        try:
            return SYSTEMS[self.config.uri]
        except KeyError as err:
            raise DriverError(f"No system at {self.config.uri!r}; create it") from err

    def stopped(self, stop: threading.Event | None) -> bool:
        return self._stop_driver_event.is_set() or (stop is not None and stop.is_set())

    def wait_until_up(self, system: System, stop: threading.Event | None) -> None:
        for _ in range(self.config.max_retries):
            if not system.down or self.stopped(stop):
                return
            self._stop_driver_event.wait(self.config.retry_delay_sec)
        raise DriverError(f"No answer from {self.config.uri!r} after {self.config.max_retries} attempts")

    # Realtime.

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        system = self.system()
        begin = self.begin(system, start_position)
        return self.follow(system, begin, kwargs.get("stop_event"), kwargs.get("end_position"))

    def begin(self, system: System, start_position: int) -> int:
        return start_position if self.is_position_available(start_position) else system.counter

    def follow(
        self, system: System, position: int, stop: threading.Event | None, end: int | None
    ) -> Iterator[EventBase]:
        while not self.stopped(stop):
            self.wait_until_up(system, stop)
            counter = system.counter  # before the look: what comes between the two is still to be delivered
            changes = self.pending(system, position, end)
            if not changes and end is not None and counter >= end:
                return
            for change in changes:
                if self.stopped(stop):
                    return
                if end is not None and change.index > end:
                    return
                position = change.index
                yield from self.messages(change)

    def pending(self, system: System, position: int, end: int | None) -> list[Change]:
        with system.changed:
            found = system.log[max(position - 1, 0) :]
            if not found and (end is None or system.counter < end):
                system.changed.wait(0.05)
            return found

    def is_excluded(self, path: str) -> bool:
        suffix = self.config.driver_params.get("exclude")
        return suffix is not None and any(part.endswith(suffix) for part in path.split("/"))

    def messages(self, change: Change) -> Iterator[EventBase]:
        if self.is_excluded(change.path):
            return
        self._touched.append(change.path)
        yield self.event(change.kind, [self.change_row(change)], MessageSource.REALTIME, self.index(change))

    def change_row(self, change: Change) -> Row:
        row = self.row(change.path, change.node)
        record = row.pop("record", None)
        if change.kind is EventType.DELETE:
            return {**row, "size": None}
        return row if record is None else {**row, "record": self.change_record(change, record)}

    def change_record(self, change: Change, record: Row) -> Row:
        if change.kind is EventType.INSERT:
            return record
        return {name: value for name, value in record.items() if name != "t"}

    def index(self, change: Change) -> int:
        return change.index

    def is_position_available(self, position: int) -> bool:
        system = SYSTEMS.get(self.config.uri)
        return system is not None and position > 0 and system.released <= position <= system.counter

    def get_latest_position(self) -> int:
        return self.system().counter

    def acknowledge(self, index: int) -> None:
        system = SYSTEMS.get(self.config.uri)
        if system is None:
            return
        with system.changed:
            system.released = max(system.released, min(index, system.counter))

    # Snapshot.

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        rows = self.snapshot_rows(kwargs.get("stop_event"), kwargs.get("partition"))
        return self.batches(rows, MessageSource.SNAPSHOT, kwargs.get("batch_size", 1000))

    def snapshot_rows(self, stop: threading.Event | None, partition: Any) -> Iterator[Row]:
        system = self.system()
        pending = ["/"]
        while pending:
            for path, node, skipped in self.snapshot_container(system, pending.pop(), pending):
                self.go_on(stop)
                if in_partition(path, partition):
                    yield self.row(path, node, audit_skipped=True) if skipped else self.row(path, node)
        self.go_on(stop)

    def snapshot_container(
        self, system: System, container: str, pending: list[str]
    ) -> Iterator[tuple[str, Node, bool]]:
        node = system.stat(container)
        try:
            children = [child for child in system.listing(container) if not self.is_excluded(child)]
        except PermissionError:
            if node is not None:
                yield container, node, True
            return
        except FileNotFoundError:
            return
        if node is not None and container != "/":
            yield container, node, False
        for path in children:
            child = system.stat(path)
            if child is None:
                continue
            if child.directory:
                pending.append(path)
            else:
                yield path, child, False

    def go_on(self, stop: threading.Event | None) -> None:
        if self.stopped(stop):
            raise DriverError("Snapshot stopped before its end")

    def get_snapshot_partitions(self, n: int) -> list[Any]:
        return [{"part": part, "of": n} for part in range(n)]

    # On demand.

    def scan_path(self, path: str, *, recursive: bool = True, **kwargs: Any) -> Iterator[EventBase]:
        rows = [self.row(found, node) for found, node in self.part(path, recursive=recursive)]
        return self.batches(iter(rows), self.scan_source, kwargs.get("batch_size", 1000))

    scan_source = MessageSource.SNAPSHOT

    def part(self, path: str, *, recursive: bool) -> list[tuple[str, Node]]:
        system, inside = self.system(), path.rstrip("/") + "/"
        with system.changed:
            below = [
                found
                for found in system.nodes
                if found == path or (found.startswith(inside) and (recursive or posixpath.dirname(found) == path))
            ]
            return [(found, system.nodes[found]) for found in sorted(below) if not self.is_excluded(found)]

    def perform_sentinel_check(self, task_batch: Any) -> dict[str, Any]:
        if task_batch.get("type") != "suspect_check":
            return {}
        return {"type": "suspect_update", "updates": [*self.states(task_batch["paths"])]}

    def states(self, paths: list[str]) -> Iterator[Row]:
        for path in paths:
            node = self.system().stat(path)
            if node is not None and not self.is_excluded(path):
                yield self.state(path, node)

    def state(self, path: str, node: Node) -> Row:
        return {"path": path, "mtime": node.mtime, "size": node.size, "status": "exists"}

    # Audit.

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[Any]:
        size, stop, cache = kwargs.get("batch_size", 1000), kwargs.get("stop_event"), kwargs.get("mtime_cache")
        return self.guide_audit(size, stop) if cache is None else self.pairs_audit(size, stop, cache)

    def signal(self, signal: LifecycleSignal) -> EventBase:
        return self.event(EventType.UPDATE, [], MessageSource.AUDIT).model_copy(update={"signal": signal})

    def guide_audit(self, size: int, stop: threading.Event | None) -> Iterator[EventBase]:
        yield self.signal(LifecycleSignal.AUDIT_START)
        self.begin_visits()
        rows = (row for row, _ in self.audit("/", None, stop))
        yield from self.batches(rows, MessageSource.AUDIT, size)
        if not self.stopped(stop):
            yield self.signal(LifecycleSignal.AUDIT_END)

    def pairs_audit(
        self, size: int, stop: threading.Event | None, cache: dict[str, float]
    ) -> Iterator[tuple[EventBase | None, dict[str, float]]]:
        yield from self.opening()
        self.begin_visits()
        began, self._audit_began = self._audit_began, len(self._touched)
        stamps: list[dict[str, float]] = []

        def rows() -> Iterator[Row]:
            for row, stamp in self.audit("/", cache, stop):
                stamps.append(stamp)
                yield row

        for event in self.batches(rows(), MessageSource.AUDIT, size):
            told, stamps = stamps[: len(event.rows)], stamps[len(event.rows) :]
            yield event, {path: mtime for stamp in told for path, mtime in stamp.items()}
        self.forget(self._touched[began:])

    def opening(self) -> Iterator[tuple[EventBase | None, dict[str, float]]]:
        root = self.system().nodes["/"]
        row = self.row("/", root, parent_mtime=root.mtime, audit_skipped=True)
        yield from ((self.event(EventType.UPDATE, [dict(row)], MessageSource.AUDIT), {}) for _ in range(100))
        yield from ((None, {}) for _ in range(1001))

    def begin_visits(self) -> None:
        """What the audit before did not visit is not known any more."""
        self._listed = {path: mtime for path, mtime in self._listed.items() if path in self._visited}
        self._visited = set()

    def forget(self, touched: list[str]) -> None:
        for path in touched:
            for known in list(self._listed):
                if known == path or path.startswith(known.rstrip("/") + "/") or known.startswith(path + "/"):
                    self._listed.pop(known)

    def audit(
        self, path: str, cache: dict[str, float] | None, stop: threading.Event | None, above: float | None = None
    ) -> Iterator[tuple[Row, dict[str, float]]]:
        system = self.system()
        node = system.stat(path)
        if node is None or self.stopped(stop):
            return
        self._visited.add(path)
        silent = self.is_silent(path, node, cache)
        children = self.children(system, path)
        for child_path in children or ():
            yield from self.audit_child(system, child_path, cache, stop, node, silent=silent)
        if self.stopped(stop):
            return
        if children is None:
            self._listed.pop(path, None)
        yield from self.container(system, path, node, above, silent=silent, failed=children is None)

    def children(self, system: System, path: str) -> list[str] | None:
        try:
            return [child for child in system.listing(path) if not self.is_excluded(child)]
        except (PermissionError, FileNotFoundError):
            return None

    def audit_child(
        self,
        system: System,
        path: str,
        cache: dict[str, float] | None,
        stop: threading.Event | None,
        parent: Node,
        *,
        silent: bool,
    ) -> Iterator[tuple[Row, dict[str, float]]]:
        child = system.stat(path)
        if child is None:
            return
        if child.directory:
            yield from self.audit(path, cache, stop, parent.mtime)
        elif not silent:
            yield self.row(path, child, parent_mtime=parent.mtime), {}

    def container(
        self, system: System, path: str, node: Node, above: float | None, *, silent: bool, failed: bool
    ) -> Iterator[tuple[Row, dict[str, float]]]:
        row = self.row(path, node, parent_mtime=node.mtime if above is None else above)
        now = system.stat(path)
        if now is None:
            return
        if failed or now.mtime != node.mtime:
            self._listed.pop(path, None)
            yield {**row, "audit_skipped": True}, {}
        elif silent:
            yield {**row, "audit_skipped": True}, {path: node.mtime}
        else:
            self._listed.pop(path, None)
            if self.is_old(node):
                self._listed[path] = node.mtime
            yield row, {path: node.mtime}

    def is_silent(self, path: str, node: Node, cache: dict[str, float] | None) -> bool:
        return cache is not None and cache.get(path) == node.mtime == self._listed.get(path)

    def is_old(self, node: Node) -> bool:
        return time.time() - node.mtime > GRANULARITY_SEC

    # The rest.

    async def close(self) -> None:
        self._stop_driver_event.set()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        del kwargs
        names = ("path", "file_name", "parent_path", "is_directory", "size", "mtime", "modified_time", "record")
        return {"properties": {name: {"type": "string", "column_index": n} for n, name in enumerate(names)}}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        system = SYSTEMS.get(kwargs.get("uri", ""))
        if system is not None and not system.down:
            return True, "Connected"
        return False, "There is no such system; create it or correct `uri`"

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        step = {"step_id": "address", "title": "Address", "schema": {"type": "object"}}
        return {"steps": [{**step, "validations": ["test_connection"]}]}


def in_partition(path: str, partition: Any) -> bool:
    return partition is None or sum(map(ord, path)) % partition["of"] == partition["part"]
