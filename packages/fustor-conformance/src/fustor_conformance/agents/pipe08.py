"""A simulated pipe of agent 0.8.17: sessions one after the other, and what runs in each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fustor_conformance.agents.phases08 import Phases
from fustor_conformance.agents.receiver import SessionObsoleteError

__all__ = ["Pauses", "Pipe"]

_TASK_ID = "agent:pipe"
_LEADER = "leader"
_OF_A_LEADER = ("snapshot", "audit", "sentinel")
_HEARTBEAT_SEC = 3.0
_LONGEST_NAP_SEC = 1.0
_STOP_SEC = 2.0


@dataclass(frozen=True)
class Pauses:
    """How long the pipe waits, in seconds; the defaults are the agent's, except that it audits when it is asked to."""

    audit_sec: float = 0.0
    """Between audits; 0 for those that are asked for."""
    sentinel_sec: float = 0.0
    """Between sentinel checks; 0 for none."""
    control_sec: float = 1.0
    """Between two looks at what should run. What reads the bus begins after the first of a session."""
    backoff_sec: float = 5.0
    """After the first error; twice as long after every further one."""
    max_backoff_sec: float = 60.0


class Pipe:
    """For one event loop. `control` runs until it is cancelled; then `stop`."""

    def __init__(self, phases: Phases, source_type: str, pauses: Pauses) -> None:
        self.audit_asked = asyncio.Event()
        self._phases = phases
        self._source_type = source_type
        self._pauses = pauses
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._session: str | None = None
        self._role: str | None = None
        self._errors = 0
        self._heard_at = 0.0
        self._heartbeat_sec = _HEARTBEAT_SEC
        self._audit_sec, self._sentinel_sec = pauses.audit_sec, pauses.sentinel_sec
        self._snapshot_done = False
        phases.heard = self._heard
        self.call = phases.call
        """What a method of the sender answers."""

    async def control(self) -> None:
        """Keep a session, and in it what belongs there."""
        while True:
            if self._errors:
                await asyncio.sleep(self._backoff())
            try:
                await self._turn()
            except Exception as err:  # noqa: BLE001 - the agent makes another session, whatever it was
                await self._broke_down("session", err)
                await asyncio.sleep(self._backoff())

    async def stop(self) -> None:
        """End what runs and the session."""
        await self._cancel(*self._tasks)
        if self._session is not None:
            await self.call("close_session")

    async def _turn(self) -> None:
        if self._session is None:
            await self._open()
        if self._role == _LEADER:
            self._lead()
        await asyncio.sleep(self._pauses.control_sec)
        if self._session is not None:
            self._keep("bus", self._phases.messages)
        self._errors = 0

    async def _open(self) -> None:
        asked = {"source_type": self._source_type, "session_timeout_seconds": None, "source_uri": None}
        answer = await self.call("create_session", _TASK_ID, **asked)
        session, told = answer if isinstance(answer, tuple) else (answer.get("session_id", _TASK_ID), answer)
        self._session, self._role = session, told.get("role", "follower")
        self._snapshot_done = False
        self._errors = 0
        if timeout_sec := told.get("session_timeout_seconds"):
            self._heartbeat_sec = max(0.1, timeout_sec / 3)
        self._audit_sec = told.get("audit_interval_sec", self._audit_sec)
        self._sentinel_sec = told.get("sentinel_interval_sec", self._sentinel_sec)
        self._keep("heartbeat", self._heartbeats)
        if hasattr(self._phases.sender, "get_latest_committed_index"):
            with suppress(Exception):  # the agent warns of it: it asks, and begins at 0 all the same
                await self.call("get_latest_committed_index", session)

    def _lead(self) -> None:
        if not self._snapshot_done:
            self._keep("snapshot", self._snapshot)
        self._keep("audit", self._audits)
        if self._sentinel_sec > 0:
            self._keep("sentinel", self._sentinels)

    def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start a task, unless it runs."""
        if name not in self._tasks or self._tasks[name].done():
            self._tasks[name] = asyncio.ensure_future(self._guarded(name, work))

    async def _guarded(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as err:  # noqa: BLE001 - the agent ends the session, whatever it was
            await self._broke_down(name, err)

    async def _broke_down(self, name: str, err: Exception) -> None:
        """End the session without a word to the sender; the next turn makes another."""
        self._phases.recorder.failed(name, err)
        await self._cancel(*self._tasks)
        self._tasks.clear()
        self._session = self._role = None
        self._phases.mtime_cache.clear()
        if not isinstance(err, SessionObsoleteError):
            self._errors += 1

    async def _cancel(self, *names: str) -> None:
        current = asyncio.current_task()
        tasks = [task for name in names if (task := self._tasks.get(name)) is not None and task is not current]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SEC)

    async def _snapshot(self) -> None:
        await self._phases.snapshot()
        self._snapshot_done = True

    async def _audits(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._audit_sec or None):
                    await self.audit_asked.wait()
            self.audit_asked.clear()
            try:
                await self._phases.audit()
            except SessionObsoleteError:
                raise
            except Exception as err:  # noqa: BLE001 - the agent's loop counts it, pauses and goes on
                self._phases.recorder.failed("audit", err)
                self._errors += 1
                await asyncio.sleep(self._backoff())

    async def _sentinels(self) -> None:
        while True:
            await asyncio.sleep(self._sentinel_sec)
            await self._phases.sentinel()

    async def _heartbeats(self) -> None:
        """Beat, unless the receiver has answered something else lately."""
        loop = asyncio.get_running_loop()
        while True:
            silent_sec = loop.time() - self._heard_at
            if silent_sec < self._heartbeat_sec:
                await asyncio.sleep(min(_LONGEST_NAP_SEC, self._heartbeat_sec - silent_sec))
                continue
            try:
                answer = await self.call("heartbeat", can_realtime=self._phases.is_realtime)
            except SessionObsoleteError:
                raise
            except Exception as err:  # noqa: BLE001 - the agent's loop counts it, pauses and goes on
                self._phases.recorder.failed("heartbeat", err)
                self._errors += 1
                await asyncio.sleep(max(self._heartbeat_sec, self._backoff()))
                continue
            await self._heard(answer)
            for command in answer.get("commands", ()):
                self._obey(command)

    def _obey(self, command: dict[str, Any]) -> None:
        if command.get("type") == "scan" and command.get("path"):
            scan = self._phases.scan(command["path"], command.get("recursive", True), command.get("job_id"))
            self._tasks[f"scan {command['path']}"] = asyncio.ensure_future(scan)

    async def _heard(self, answer: dict[str, Any]) -> None:
        """Take over the role that an answer names."""
        self._heard_at = asyncio.get_running_loop().time()
        role = answer.get("role", answer.get("current_role"))
        if role and role != self._role:
            self._role = role
            self._phases.mtime_cache.clear()
            if role != _LEADER:
                await self._cancel(*_OF_A_LEADER)

    def _backoff(self) -> float:
        return min(self._pauses.backoff_sec * 2.0 ** (self._errors - 1), self._pauses.max_backoff_sec)
