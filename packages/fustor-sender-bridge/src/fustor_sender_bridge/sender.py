"""The sender that agent 0.8 runs."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from fustor_event_model import MessageSource
from fustor_sender_bridge._core import PusherDriver, SessionObsoletedError
from fustor_sender_bridge._delivery import Delivery, Retries, Task, pause_sec
from fustor_sender_bridge._events import translated
from fustor_sender_bridge._installed import load_pusher
from fustor_sender_bridge._session import Session
from fustor_sender_bridge.config import parse_params, pusher_config

__all__ = ["PusherSender"]

_log = logging.getLogger("fustor_sender_bridge")
_AGENT_BEATS_SEC = 1.0
"""How often the agent asks when it has nothing to push. It asks this process alone."""
_HASTY_SEC = 60.0


class PusherSender:
    """Runs the pusher that `driver_params` name. The agent finds its methods by name; no class is inherited."""

    def __init__(
        self,
        sender_id: str,
        endpoint: str,
        credential: Mapping[str, Any] | None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Parse the configuration and construct the pusher; connects to nothing.

        Raises:
            ConfigError: the configuration is wrong, or no such pusher is installed.
        """
        self.id = sender_id
        self.endpoint = endpoint
        self.config = dict(config or {})
        self._params = parse_params(config)
        entry = pusher_config(self._params, endpoint, credential, int(self.config.get("batch_size", 100)))
        self._pusher = self.pusher_class(self._params.pusher)(sender_id, entry)
        self._retries = Retries(self._params.max_retries, self._params.retry_delay_sec)
        self._session: Session | None = None
        self._opened_at = float("-inf")
        self._hasty = 0

    @staticmethod
    def pusher_class(name: str) -> type[PusherDriver]:
        """The class of the pusher of this name; a class below this one may take another.

        Raises:
            ConfigError: no such pusher is installed, or it cannot be imported.
        """
        return load_pusher(name)

    async def connect(self) -> None:
        """Nothing to reach before a session is asked for."""

    async def create_session(
        self, task_id: str, source_type: str | None = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """A new session, in place of the one before; the agent leads, so that it takes a snapshot.

        Raises:
            DriverError: the pusher refuses, or stayed out of reach.
        """
        del kwargs
        await self.close_session()
        await self._pause_if_hasty()
        schema = "fs" if source_type == "fs" else ""
        task = Task(self._pusher, task_id, schema, self._retries, self._params.allow_deletions)
        delivery = await Delivery.open(task)
        self._session = session = Session(delivery, has_audits=self._params.audit_interval_sec != 0)
        self._opened_at = asyncio.get_running_loop().time()
        _log.info("Session %s of task %s", delivery.session_id, task_id)
        answer = {
            "session_id": delivery.session_id,
            "role": await session.role(),
            "session_timeout_seconds": 3 * _AGENT_BEATS_SEC,  # the agent asks three times in it
        }
        if self._params.audit_interval_sec is not None:
            answer["audit_interval_sec"] = self._params.audit_interval_sec
        return delivery.session_id, answer

    async def send_events(
        self, events: Sequence[Any], source_type: str = "message", is_end: bool = False, metadata: Any = None
    ) -> dict[str, Any]:
        """Push a batch of a phase; `success` is False where the agent is to come again with it.

        Raises:
            SessionObsoletedError: a new session with a new snapshot is needed.
            DriverError: the phase cannot go on.
        """
        del metadata
        # The agent tells the end of an audit that broke off too, while it handles the error.
        broke_off = sys.exc_info()[0] is not None
        session = self._current()
        told = translated(events)
        if source_type == MessageSource.SNAPSHOT.value:
            await session.snapshot(told, is_end=is_end)
            return {"success": True}
        if source_type == MessageSource.AUDIT.value:
            if told:
                await session.audit(told)
            if is_end:
                await session.end_audit(broke_off=broke_off)
            return {"success": True}
        if source_type != "message":
            _log.warning("The bridge has no use for %r and refuses it: only a view asks for that", source_type)
            return {"success": False}
        if not await session.realtime(told):
            return {"success": False}
        return {"success": True, "role": await session.role()}

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Whether the session lives, by the heartbeats that the bridge sends itself.

        Raises:
            SessionObsoletedError: it does not.
        """
        del kwargs
        session = self._current()
        session.delivery.check()
        return {"status": "ok", "role": await session.role()}

    async def get_latest_committed_index(self, session_id: str) -> int:
        """What the pusher says; the agent asks for it and starts from now all the same."""
        return int(await self._pusher.get_latest_committed_index(session_id=session_id))

    async def signal_audit_start(self) -> bool:
        """Nothing more to do: the bracket stands already."""
        return True

    async def signal_audit_end(self) -> bool:
        """Nothing more to do: the end was a batch."""
        return True

    async def get_sentinel_tasks(self) -> None:
        """No wishes: only a view has suspects."""

    async def submit_sentinel_results(self, results: Any) -> bool:
        """Never asked for."""
        del results
        return False

    async def close_session(self) -> None:
        """End the session, if there is one; a pusher keeps what it has."""
        session, self._session = self._session, None
        if session is not None:
            await session.delivery.close()

    async def close(self) -> None:
        """End the session and close the pusher."""
        await self.close_session()
        await self._pusher.close()

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """All: which pusher it is, only an instance knows."""
        del kwargs
        return {}

    def _current(self) -> Session:
        if self._session is None:
            raise SessionObsoletedError(f"Sender {self.id!r} has no session; create one")
        return self._session

    async def _pause_if_hasty(self) -> None:
        """Wait before a session that follows another closely: a pusher that wants one after the other is not helped."""
        lasted_sec = asyncio.get_running_loop().time() - self._opened_at
        self._hasty = self._hasty + 1 if lasted_sec < _HASTY_SEC else 0
        if self._hasty > 1:
            await asyncio.sleep(pause_sec(self._params.retry_delay_sec, self._hasty - 1))
