"""The pusher that hosts run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fustor_core.drivers import PusherDriver
from fustor_core.models.config import PusherConfig
from fustor_event_model import EventBase, MessageSource
from fustor_pusher_postgres import _checks
from fustor_pusher_postgres._batch import Batch
from fustor_pusher_postgres._push import Store
from fustor_pusher_postgres._server import Address
from fustor_pusher_postgres._tables.state import Superseded
from fustor_pusher_postgres.config import parse_params

__all__ = ["PostgresDriver"]


class PostgresDriver(PusherDriver):
    """Writes events into tables of a PostgreSQL database; what is written where is described in the README.

    All work with the database is done in threads, so the host's event loop never waits for it. A push that is
    cancelled may still be committed.
    """

    def __init__(self, id: str, config: PusherConfig) -> None:
        """Parse the configuration; connects to nothing.

        Raises:
            ConfigError: `endpoint` or `driver_params` are wrong.
        """
        super().__init__(id, config)
        self.id = id
        self.config = config
        self.params = parse_params(config.driver_params)
        address = Address.parse(config.endpoint, config.credential, timeout_sec=self.params.timeout_sec)
        self._store = Store(address, self.params, config.retry_delay_sec)

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        """Write a batch in one transaction; when this returns, the batch and its index survive a power cut.

        Keywords: `session_id`, `is_snapshot_end`, `source_type` (read only without events: `snapshot` notes that
        a snapshot has begun), `allow_deletions` (leave for an end that deletes more than `max_delete_share`). Replies
        `success`, `snapshot_needed`, `committed_index`, `refused_rows` and `refused_deletions`. Where another session
        was opened for the task since, nothing is written and a new session with a new snapshot is asked for.

        Raises:
            RetryableError: the link, a lock or the server's resources; nothing is known to be committed.
            ConfigError: the server refuses this user, or lacks what the endpoint names.
            DriverError: the session is unknown.
        """
        is_snapshot = not events and kwargs.get("source_type") == MessageSource.SNAPSHOT.value
        batch = Batch(
            tuple(events),
            is_snapshot,
            bool(kwargs.get("is_snapshot_end", False)),
            kwargs.get("allow_deletions") is True,
        )
        try:
            state, refused = await asyncio.to_thread(self._store.push, kwargs.get("session_id"), batch)
        except Superseded:  # its index may be older than what the present session has reported
            return {"success": True, "snapshot_needed": True, "committed_index": -1}
        return {
            "success": True,
            "snapshot_needed": False,
            "committed_index": state.committed,
            "refused_rows": len(refused.rows),
            "refused_deletions": refused.deletions,
        } | ({"refused_reason": refused.reason} if refused.rows else {})

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Confirm the session; it ends when another one is opened for its task, and never by time.

        Raises:
            DriverError: the session is unknown.
        """
        session_id = kwargs.get("session_id")
        if session_id is not None:
            await asyncio.to_thread(self._store.state, session_id)
        return {"status": "ok"}

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        """Open a session, the only one of its task from now on; the schema is created or brought up to date.

        Replies `session_id`, `suggested_heartbeat_interval_seconds` and `committed_index`.

        Raises:
            RetryableError: the server cannot be reached just now.
            ConfigError: the server refuses this user, or lacks what the endpoint names.
        """
        del kwargs
        session_id, committed = await asyncio.to_thread(self._store.begin, task_id)
        return {
            "session_id": session_id,
            "suggested_heartbeat_interval_seconds": self.params.heartbeat_interval_sec,
            "committed_index": committed,
        }

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        """The index to resume from: -1 until a complete snapshot of the session's task is durable.

        Raises:
            DriverError: the session is unknown.
        """
        state = await asyncio.to_thread(self._store.state, kwargs.get("session_id"))
        return state.committed

    async def close(self) -> None:
        """Finish what is being written and close every connection. May be called twice; a new instance works then."""
        await asyncio.to_thread(self._store.close)

    def statistics(self) -> Mapping[str, float]:
        """Counters since construction.

        batches (counter, batches): committed; a batch is what one push brings
        events (counter, events): of committed batches
        rows (counter, rows): of committed batches, those that were set aside among them
        refused_rows (counter, rows): set aside, since the database does not take them
        refused_batches (counter, batches): written row by row, because of rows that were set aside
        refused_deletions (counter, rows): kept by the guard against mass deletion
        retries (counter, transactions): begun again after a passing fault
        """
        return dict(self._store.counts)

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """No wishes: every field is written as it comes."""
        del kwargs
        return {}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the server answers. Keywords: `endpoint`, `credential`, `driver_params`."""
        return await asyncio.to_thread(_checks.answer, kwargs, _checks.connection)

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the schema and its tables can be created and written; tried, and rolled back."""
        return await asyncio.to_thread(_checks.answer, kwargs, _checks.privileges)

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        """One step that asks for the address."""
        return _checks.WIZARD_STEPS
