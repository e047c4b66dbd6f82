"""Drivers that break a rule of family U: sessions, committed indexes and destinations."""

# ruff: noqa: ARG002, ARG003, RUF012 - a mutant keeps the signature that it breaks

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kit_pusher import FileWorld, KeyedDriver, KeyedFileWorld, LogDriver

from fustor_core.exceptions import DriverError
from kit_mutants.registry import mutant


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


@log("U03", "U04", "U05", "U06", "U09", "U10", "U21")
class EndNeedsEvents(LogDriver):
    async def push(self, events, **kwargs):
        return await super().push(
            events, **{**kwargs, "is_snapshot_end": bool(events) and kwargs.get("is_snapshot_end")}
        )


@log("U03", "U02", "U05", "U06", "U09", "U12", "U15", "U10", "C16", "U36")
class FirstEventOfNone(LogDriver):
    async def push(self, events, **kwargs):
        if events[0].rows is None:
            return {"success": True, "snapshot_needed": False}
        return await super().push(events, **kwargs)


@log("U04", "U06", "U09", "U21")
class RowsWanted(LogDriver):
    async def push(self, events, **kwargs):
        for event in events:
            if event.signal is None and not event.rows[0]:
                raise DriverError("A row is empty")
        return await super().push(events, **kwargs)


@log("U05", "U21")
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


@log("U09", "U21")
class CountsHalfASnapshot(LogDriver):
    async def get_latest_committed_index(self, **kwargs):
        state = self.load()
        task = state["tasks"][self.session(state, kwargs.get("session_id"))["task"]]
        return max(task["realtime"], task["snapshot"])


@log("U09", "U21")
class IndexOfRowsOnly(LogDriver):
    def take(self, state, session, task, event):
        if event.rows:
            super().take(state, session, task, event)


@log("U09", "U16", "U05", "U03", "U21")
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


@log("U10", "U21")
class NoDigest(LogDriver):
    def is_repeated(self, session, events):
        return False


@log("U10", "U02", "U04", "U25")
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


@keyed("U10", "U16", "U02", "U15", "U17", "U21", "U24", "U25")
class AppendsToKeyed(KeyedDriver):
    def store(self, state, session, event):
        LogDriver.store(self, state, session, event)


@log("U11", "U10")
class AddsAField(LogDriver):
    def store(self, state, session, event):
        for row in event.rows:
            row["pushed"] = True
        super().store(state, session, event)


@log("U11", "U10", "U18", "U21", "U30", "U31", "U35")
class EmptiesTheRows(LogDriver):
    def store(self, state, session, event):
        super().store(state, session, event)
        event.rows = []


@log("U12", "U10", "U21", "U25")
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


@log("U13", "U24")
class FieldsNeedEndpoint(LogDriver):
    @classmethod
    async def get_needed_fields(cls, **kwargs):
        return {"properties": {kwargs["endpoint"]: {}}}


@keyed("U15", "U16", "U21")
class LeavesGhosts(KeyedDriver):
    def end(self, state, session, task):
        task["complete"] = True


@keyed("U15")
class EmptiesWhatWasSkipped(KeyedDriver):
    def is_kept(self, path, told):
        return path in told


@keyed("U15", "U16", "U17", "U25", "U36")
class ClearsAtTheStart(KeyedDriver):
    async def create_session(self, task_id, **kwargs):
        state = self.load()
        self.save({**state, "rows": []})
        return await super().create_session(task_id, **kwargs)


@log("U16", "U25")
class WritesWhenClosed(LogDriver):
    async def close(self):
        if hasattr(self, "_state"):
            super().save(self._state)

    def load(self):
        return getattr(self, "_state", None) or super().load()

    def save(self, state):
        self._state = state
        if "/kit-1-b" not in [row["path"] for row in state["rows"]]:
            super().save(state)


@keyed("U12", "U16")
class ForgetsItsTasksAtClose(KeyedDriver):
    async def close(self):
        self.save({**self.load(), "tasks": {}, "sessions": {}})


@log("U10")
class ForgetsItsLastBatches(LogDriver):
    """What a session pushed last is known to the instance that it was pushed to."""

    def is_repeated(self, session, events):
        known = vars(self).setdefault("_known", {})
        session["last"] = known.setdefault(json.dumps(session["task"]), {})
        return super().is_repeated(session, events)


@log("U36", "U21")
class KnowsIndexesOfItsSession(LogDriver):
    """Another session's indexes are forgotten, although it resumes where that one was."""

    def take(self, state, session, task, event):
        if event.index != -1 and not session.get("began"):
            session["began"], task["phases"] = True, {}
        super().take(state, session, task, event)


@keyed("U11")
class MergesIntoTheCallersRow(KeyedDriver):
    def merged(self, session, known, row, *, is_first):
        whole = super().merged(session, known, row, is_first=is_first)
        if "record" in row:
            row["record"] = whole["record"]
        return whole
