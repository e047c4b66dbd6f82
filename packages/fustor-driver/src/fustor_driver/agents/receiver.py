"""Copied into the environment of a released agent: notes what arrives, and hands it to the driver behind, if any.

A pusher for agent 0.2 and a sender for agent 0.8. It imports nothing of Fustor, so that it loads whatever release
is there. `driver_params` of its entry has `fustor_receiver`: the file for the notes, and the driver behind.
"""

import json
import os
import signal
import threading
from importlib.metadata import entry_points
from typing import Any

_PARENT = "FUSTOR_DRIVER_PARENT"
_PUSHER = "FUSTOR_DRIVER_PUSHER"
_PUSHERS, _SENDERS = "fustor_agent.drivers.pushers", "fustor_agent.drivers.senders"
_KEY = "fustor_receiver"
_HEARTBEAT_SEC = 5
_PHASES = {"message": "realtime"}


def _end_with_parent(pipe: int) -> None:
    """Stop as Ctrl-C does when the process that started this one is gone: only it holds the other end of the pipe."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGINT)


if _PARENT in os.environ:
    threading.Thread(target=_end_with_parent, args=(int(os.environ.pop(_PARENT)),), daemon=True).start()


def _note(file: str, events: list[Any], phase: str, *, is_end: bool) -> None:
    rows = [row for event in events for row in (event.rows or [])]
    last = str(rows[-1].get("path", "")) if rows and isinstance(rows[-1], dict) else ""
    told = {
        "phase": _PHASES.get(phase, phase),
        "events": len(events),
        "rows": len(rows),
        "last": last,
        "is_end": is_end,
    }
    with open(file, "a", encoding="utf-8") as notes:  # noqa: PTH123 - one append, as plain as can be
        notes.write(json.dumps(told) + "\n")


def _behind(group: str, name: str) -> Any:
    (entry,) = entry_points(group=group, name=name)
    return entry.load()


class _InFront:
    """What stands before the driver, if there is one."""

    _driver: Any = None

    def __getattr__(self, name: str) -> Any:
        """Whatever else the driver behind has."""
        return getattr(self._driver, name)

    async def close(self) -> None:
        """Close the driver."""
        if self._driver:
            await self._driver.close()


class Pusher(_InFront):
    """What agent 0.2 asks of a pusher."""

    def __init__(self, id: str, config: Any) -> None:
        params = dict(config.driver_params)
        own = params.pop(_KEY)
        self.id, self.config, self._file = id, config, own["file"]
        if own["driver"]:
            changed = config.model_copy(update={"driver": own["driver"], "driver_params": params})
            self._driver = _behind(_PUSHERS, own["driver"])(id, changed)

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> Any:
        """What the driver needs, or all; the agent asks the class, which no entry has been given to."""
        name = os.environ.get(_PUSHER)
        return await _behind(_PUSHERS, name).get_needed_fields(**kwargs) if name else {}

    async def push(self, events: list[Any], **kwargs: Any) -> Any:
        """Push, and note it once it is pushed."""
        answer = await self._driver.push(events, **kwargs) if self._driver else {"success": True}
        is_end = bool(kwargs.get("is_snapshot_end"))
        _note(self._file, events, str(kwargs.get("source_type") or "realtime"), is_end=is_end)
        return answer

    async def heartbeat(self, **kwargs: Any) -> Any:
        """The driver's, if there is one."""
        return await self._driver.heartbeat(**kwargs) if self._driver else {"status": "ok"}

    async def create_session(self, task_id: str, **kwargs: Any) -> Any:
        """The driver's, or one of any name."""
        if self._driver:
            return await self._driver.create_session(task_id, **kwargs)
        return {"session_id": task_id, "suggested_heartbeat_interval_seconds": _HEARTBEAT_SEC}

    async def get_latest_committed_index(self, **kwargs: Any) -> Any:
        """The driver's, or that of nothing."""
        return await self._driver.get_latest_committed_index(**kwargs) if self._driver else -1


class Sender(_InFront):
    """What agent 0.8 asks of a sender."""

    def __init__(self, sender_id: str, endpoint: str, credential: Any, config: Any = None) -> None:
        params = dict(config or {})
        own = params.pop(_KEY)
        self.id, self.endpoint, self.credential, self.config = sender_id, endpoint, credential, params
        self._file = own["file"]
        if own["driver"]:
            driver = _behind(_SENDERS, own["driver"])
            self._driver = driver(sender_id=sender_id, endpoint=endpoint, credential=credential, config=params)

    async def connect(self) -> None:
        """Connect the driver."""
        if self._driver:
            await self._driver.connect()

    async def create_session(self, task_id: str, **kwargs: Any) -> Any:
        """The driver's, or one that leads: only that one gets a snapshot and audits."""
        if self._driver:
            return await self._driver.create_session(task_id, **kwargs)
        return task_id, {"session_id": task_id, "role": "leader"}

    async def send_events(self, events: list[Any], source_type: str = "message", **kwargs: Any) -> Any:
        """Send, and note it once it is sent."""
        answer: Any = {"success": True, "role": "leader"}
        if self._driver:
            answer = await self._driver.send_events(events, source_type=source_type, **kwargs)
        if answer.get("success", True):
            _note(self._file, events, source_type, is_end=bool(kwargs.get("is_end")))
        return answer

    async def heartbeat(self, **kwargs: Any) -> Any:
        """The driver's, or that of the one that leads."""
        return await self._driver.heartbeat(**kwargs) if self._driver else {"status": "ok", "role": "leader"}
