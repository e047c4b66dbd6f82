"""The reference pushers: one file that is replaced as a whole, as a keyed store and as an append log."""

# ruff: noqa: ARG002, ARG003 - the interface gives more than a file needs

from __future__ import annotations

import hashlib
import itertools
import json
import os
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fustor_core.drivers import PusherDriver
from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from fustor_core.models.config import PusherConfig
from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource

_numbers = itertools.count(1)
EMPTY: dict[str, Any] = {"rows": [], "signals": [], "tasks": {}, "sessions": {}}


class FileWorld:
    """The World of both: reads the file, never the driver."""

    keyed = False

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *exc_info):
        self._directory.cleanup()

    def config(self) -> dict[str, Any]:
        return {"driver": "file", "endpoint": str(Path(self._directory.name, "state.json")), "disabled": False}

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        path = Path(self._directory.name)
        kept = path.with_name(f"{path.name}-away")
        path.rename(kept)
        path.touch()
        try:
            yield
        finally:
            path.unlink()
            kept.rename(path)

    def stored(self) -> list[dict[str, Any]]:
        path = Path(self.config()["endpoint"])
        return json.loads(path.read_text())["rows"] if path.exists() else []


class KeyedFileWorld(FileWorld):
    keyed = True


class LogDriver(PusherDriver):
    """An append log."""

    def __init__(self, id: str, config: PusherConfig) -> None:
        super().__init__(id, config)
        if config.driver_params:
            raise ConfigError(f"Unknown driver_params {sorted(config.driver_params)}; remove them")

    def load(self) -> dict[str, Any]:
        path = Path(self.config.endpoint)
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:
            return json.loads(json.dumps(EMPTY))
        except OSError as err:
            raise RetryableError(f"Cannot read {str(path)!r}: {err}") from err

    def save(self, state: dict[str, Any]) -> None:
        scratch = Path(self.config.endpoint + ".new")
        try:
            with scratch.open("w") as file:
                file.write(json.dumps(state))
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.config.endpoint)
            self.sync_directory(scratch.parent)
        except OSError as err:
            raise RetryableError(f"Cannot write {str(scratch)!r}: {err}") from err

    def sync_directory(self, directory: Path) -> None:
        descriptor = os.open(directory, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        state = self.load()
        session_id = f"session-{next(_numbers)}-{os.getpid()}-{len(state['sessions'])}"
        state["sessions"][session_id] = {
            "task": task_id,
            "told": {},
            "touched": [],
            "last": {},
            "audit": None,
            "partial": {},
            "open": True,
            "lists": False,
            "realtime": -1,
        }
        state["tasks"].setdefault(task_id, {"complete": False, "realtime": -1, "snapshot": -1, "phases": {}})
        self.save(state)
        return {"session_id": session_id, "suggested_heartbeat_interval_seconds": 10}

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        self.look_at(events)
        state = self.load()
        session = self.session(state, kwargs.get("session_id"))
        task = state["tasks"][session["task"]]
        if not self.is_repeated(session, events):
            for event in events:
                self.take(state, session, task, event)
        if kwargs.get("is_snapshot_end"):
            self.end(state, session, task)
        self.save(state)
        return {"success": True, "snapshot_needed": False}

    def look_at(self, events: list[EventBase]) -> None:
        for row in (row for event in events for row in event.rows):
            if not isinstance(row, dict) or not isinstance(row.get("path"), str) or not row["path"]:
                raise DriverError(f"{row!r} is not a row with a path")
            if not isinstance(row.get("mtime"), int | float) or not isinstance(row.get("record", {}), dict):
                raise DriverError(f"The mtime or the record of {row['path']!r} is not one")
            try:
                json.dumps(row, ensure_ascii=False).encode()
            except (TypeError, ValueError) as err:
                raise DriverError(f"{row['path']!r} is not JSON: {err}") from err

    def session(self, state: dict[str, Any], session_id: str | None) -> dict[str, Any]:
        if session_id not in state["sessions"]:
            raise DriverError(f"Session {session_id!r} is obsolete; create a new one")
        return state["sessions"][session_id]

    def is_repeated(self, session: dict[str, Any], events: list[EventBase]) -> bool:
        if not events or any(event.signal or event.index != -1 for event in events):
            return False
        phase = str(events[0].message_source)
        digest = hashlib.sha256("".join(event.model_dump_json() for event in events).encode()).hexdigest()
        repeated = session["last"].get(phase) == digest
        session["last"][phase] = digest
        return repeated

    def take(self, state: dict[str, Any], session: dict[str, Any], task: dict[str, Any], event: EventBase) -> None:
        phase = str(event.message_source)
        if event.message_source is MessageSource.SNAPSHOT and event.rows and session["open"] and not session["lists"]:
            session["lists"], task["complete"] = True, False
            task["realtime"], task["snapshot"], task["phases"] = (
                session["realtime"],
                -1,
                {"realtime": session["realtime"]},
            )
        if event.index != -1:
            if event.index <= task["phases"].get(phase, -1):
                return
            task["phases"][phase] = event.index
        if event.message_source is MessageSource.REALTIME:
            task["realtime"] = max(task["realtime"], event.index)
            session["realtime"] = max(session["realtime"], event.index)
        elif event.message_source is MessageSource.SNAPSHOT:
            task["snapshot"] = max(task["snapshot"], event.index)
        self.store(state, session, event)

    def store(self, state: dict[str, Any], session: dict[str, Any], event: EventBase) -> None:
        more = {"_kind": event.event_type, "_layout": event.layout and event.layout.model_dump(mode="json")}
        state["rows"] += [{**self.stored_row(row, event), **more} for row in event.rows]
        state["signals"] += [event.signal] if event.signal else []

    def stored_row(self, row: dict[str, Any], event: EventBase) -> dict[str, Any]:
        return {**row, "message_source": str(event.message_source)}

    def end(self, state: dict[str, Any], session: dict[str, Any], task: dict[str, Any]) -> None:
        task["complete"] = True
        session["open"] = False

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        return {"status": "ok"}

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        state = self.load()
        task = state["tasks"][self.session(state, kwargs.get("session_id"))["task"]]
        if not task["complete"]:
            return -1
        return task["realtime"] if task["realtime"] != -1 else task["snapshot"]

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        return {}


class KeyedDriver(LogDriver):
    """A keyed store: one row a path and task."""

    def is_repeated(self, session: dict[str, Any], events: list[EventBase]) -> bool:
        return False

    def store(self, state: dict[str, Any], session: dict[str, Any], event: EventBase) -> None:
        if event.signal is LifecycleSignal.AUDIT_START:
            session["audit"] = {"since": len(session["touched"]), "reported": {}}
        task = session["task"]
        rows = {row["path"]: row for row in state["rows"] if row.get("_task") == task}
        for row in event.rows:
            if event.message_source is MessageSource.AUDIT:
                self.audit_row(session, rows, row, event)
            elif event.message_source is MessageSource.SNAPSHOT:
                self.snapshot_row(session, rows, row, event)
            else:
                self.realtime_row(session, rows, row, event)
        if event.signal is LifecycleSignal.AUDIT_END and session["audit"]:
            rows = self.after_audit(session, rows)
        others = [row for row in state["rows"] if row.get("_task") != task]
        state["rows"] = others + [{**row, "_task": task} for row in rows.values()]

    def realtime_row(
        self, session: dict[str, Any], rows: dict[str, dict[str, Any]], row: dict[str, Any], event: EventBase
    ) -> None:
        path = row["path"]
        is_first = session["open"] and path not in session["told"] and not self.holds(session, path, 0)
        self.report(session, row)
        if event.event_type is EventType.DELETE:
            session["touched"].append([path, "delete"])
            self.forget(session, path)
            self.remove(rows, path)
            return
        session["touched"].append([path, "box" if row.get("is_directory") else "thing"])
        merged = row
        if event.event_type is EventType.UPDATE:
            merged = self.merged(session, rows.get(path), row, is_first=is_first)
        else:
            session["partial"].pop(path, None)
        self.put(rows, merged, event)

    def snapshot_row(
        self, session: dict[str, Any], rows: dict[str, dict[str, Any]], row: dict[str, Any], event: EventBase
    ) -> None:
        if not session["open"]:
            return
        path = row["path"]
        is_younger = path not in session["told"] or session["told"][path][0] < row["mtime"]
        self.report(session, row)
        if self.holds(session, path, 0):
            if path in rows:
                self.supply(session, rows[path], row)
        elif is_younger:
            session["partial"].pop(path, None)
            self.put(rows, row, event)

    def report(self, session: dict[str, Any], row: dict[str, Any]) -> None:
        told = session["told"].get(row["path"], [row["mtime"], False])
        session["told"][row["path"]] = [max(told[0], row["mtime"]), bool(row.get("audit_skipped")) or told[1]]

    def holds(self, session: dict[str, Any], path: str, since: int) -> bool:
        return any(
            path == other or (kind == "delete" and is_at_or_below(path, other))
            for other, kind in session["touched"][since:]
        )

    def put(self, rows: dict[str, dict[str, Any]], row: dict[str, Any], event: EventBase) -> None:
        if not row.get("is_directory"):
            self.remove(rows, row["path"])
        rows[row["path"]] = self.stored_row(row, event)

    def remove(self, rows: dict[str, dict[str, Any]], path: str) -> None:
        for other in [other for other in rows if is_at_or_below(other, path)]:
            del rows[other]

    def after_audit(self, session: dict[str, Any], rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        audit, session["audit"] = session["audit"], None
        gone = self.unreported(audit, session["touched"][audit["since"] :], rows)
        return {path: row for path, row in rows.items() if not any(is_at_or_below(path, above) for above in gone)}

    def audit_row(
        self, session: dict[str, Any], rows: dict[str, dict[str, Any]], row: dict[str, Any], event: EventBase
    ) -> None:
        audit = session["audit"]
        if audit is None:
            return
        audit["reported"][row["path"]] = bool(row.get("is_directory")) and not row.get("audit_skipped")
        if not self.holds(session, row["path"], audit["since"]):
            self.audited_whole(session, row["path"])
            self.put(rows, row, event)

    def audited_whole(self, session: dict[str, Any], path: str) -> None:
        session["partial"].pop(path, None)

    def unreported(self, audit: dict[str, Any], touched: list[list[str]], rows: dict[str, dict[str, Any]]) -> list[str]:
        reported, there = audit["reported"], set[str]()
        for path, kind in touched:
            there = {other for other in there if kind == "box" or not is_at_or_below(other, path)}
            there |= {path} if kind != "delete" else set()
        return [
            path
            for path in rows
            if path not in reported
            and reported.get(posixpath.dirname(path))
            and not any(is_at_or_below(other, path) for other in there)
        ]

    def forget(self, session: dict[str, Any], path: str) -> None:
        partial = session["partial"].items()
        session["partial"] = {other: told for other, told in partial if not is_at_or_below(other, path)}

    def merged(
        self, session: dict[str, Any], known: dict[str, Any] | None, row: dict[str, Any], *, is_first: bool
    ) -> dict[str, Any]:
        if "record" not in row:
            return row
        partial = session["partial"]
        if is_first:
            partial[row["path"]] = []
        if row["path"] in partial:
            partial[row["path"]] = sorted({*partial[row["path"]], *row["record"]})
        return {**row, "record": {**((known or {}).get("record") or {}), **row["record"]}}

    def supply(self, session: dict[str, Any], known: dict[str, Any], row: dict[str, Any]) -> None:
        told = session["partial"].pop(row["path"], None)
        if told is not None:
            left_out = {name: value for name, value in row.get("record", {}).items() if name not in told}
            known["record"] = {**left_out, **{name: known["record"][name] for name in told}}

    def end(self, state: dict[str, Any], session: dict[str, Any], task: dict[str, Any]) -> None:
        is_open = session["open"]
        super().end(state, session, task)
        if not is_open:
            return
        mine = [row for row in state["rows"] if row.get("_task") == session["task"]]
        kept = [row["path"] for row in mine if self.is_kept(row["path"], session["told"])]
        gone = [row for row in mine if not any(is_at_or_below(path, row["path"]) for path in kept)]
        state["rows"] = [row for row in state["rows"] if row not in gone]

    def is_kept(self, path: str, told: dict[str, list[Any]]) -> bool:
        return path in told or any(said[1] and is_at_or_below(path, other) for other, said in told.items())


def is_at_or_below(path: str, container: str) -> bool:
    return path == container or path.startswith(container.rstrip("/") + "/")
