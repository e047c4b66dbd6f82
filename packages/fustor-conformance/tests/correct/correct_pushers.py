"""Pushers that keep every rule in unusual ways: they refuse superseded sessions, write in small pieces, or are slow."""

from __future__ import annotations

import asyncio
from typing import Any

from kit_pusher import KeyedDriver, LogDriver

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase

CALL_SEC = 0.2
_BOUND = 3


class RefusesSuperseded(KeyedDriver):
    """A new session of a task ends the one before it."""

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        opened = await super().create_session(task_id, **kwargs)
        state = self.load()
        for session in state["sessions"].values():
            session["superseded"] = session.get("superseded") or session["task"] == task_id
        state["sessions"][opened["session_id"]]["superseded"] = False
        self.save(state)
        return opened

    def session(self, state: dict[str, Any], session_id: str | None) -> dict[str, Any]:
        found = super().session(state, session_id)
        if found.get("superseded"):
            raise DriverError(f"Session {session_id!r} is obsolete: another one of its task was opened")
        return found


class RefusesSupersededLog(RefusesSuperseded, LogDriver):
    """The same for a log."""

    store = LogDriver.store
    end = LogDriver.end


class Bounded(LogDriver):
    """A queue of three rows: a batch goes through it in pieces, before push returns."""

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        await asyncio.to_thread(lambda: None)
        return await super().push(events, **kwargs)

    def store(self, state: dict[str, Any], session: dict[str, Any], event: EventBase) -> None:
        rows = event.rows
        for first in range(0, max(len(rows), 1), _BOUND):  # a signal has no rows
            super().store(state, session, event.model_copy(update={"rows": rows[first : first + _BOUND]}))


class Slow(KeyedDriver):
    """Every call takes 200 ms."""

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        await asyncio.sleep(CALL_SEC)
        return await super().create_session(task_id, **kwargs)

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        await asyncio.sleep(CALL_SEC)
        return await super().push(events, **kwargs)

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        await asyncio.sleep(CALL_SEC)
        return await super().get_latest_committed_index(**kwargs)
