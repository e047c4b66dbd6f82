"""The pusher that hosts run."""

from __future__ import annotations

import asyncio
import dataclasses
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fustor_core.drivers import PusherDriver
from fustor_core.models.config import PusherConfig
from fustor_event_model import EventBase
from fustor_pusher_fs import _checks
from fustor_pusher_fs._directory import directory_name
from fustor_pusher_fs._errors import DriverError
from fustor_pusher_fs._log import TaskLog, acquire, release
from fustor_pusher_fs._progress import Counters, Session
from fustor_pusher_fs._worker import Worker
from fustor_pusher_fs.config import parse_endpoint, parse_params

__all__ = ["FsDriver"]

_T = TypeVar("_T")


class FsDriver(PusherDriver):
    """Appends events to JSON Lines files, one directory a task; the format is described in the README.

    All file work is done in one thread of the driver's own, so the host's event loop never waits for a disk, and two
    pushes at once are committed one after the other. A push that is cancelled may still be committed. Drivers of one
    process may write the same task; another process is refused.
    """

    def __init__(self, id: str, config: PusherConfig) -> None:
        """Parse the configuration; opens and creates nothing.

        Raises:
            ConfigError: `endpoint` or `driver_params` are wrong.
        """
        super().__init__(id, config)
        self._params = parse_params(config.driver_params)
        self._endpoint = parse_endpoint(config.endpoint)
        self._counters = Counters()
        self._logs: dict[str, TaskLog] = {}
        self._sessions: dict[str, Session] = {}
        self._worker: Worker | None = Worker(f"pusher-fs-{id}")

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        """Append a batch; when this returns, the batch and its index survive a power cut.

        Keywords: `session_id`, `is_snapshot_end`, `source_type` (read only without events: `snapshot` notes that
        a snapshot has begun), `allow_deletions` (leave for an end at which readers delete more than
        `max_delete_share`). Replies `success`, `snapshot_needed`, `committed_index` and `refused_deletions`.

        Raises:
            RetryableError: the disk or somebody else's hand; nothing was committed.
            DriverError: the session is unknown, or an event cannot be written as JSON.
        """
        session = self._session(kwargs.get("session_id"))
        log = self._logs[session.task]
        commit = partial(
            log.commit,
            session,
            events,
            is_snapshot_end=bool(kwargs.get("is_snapshot_end", False)),
            source_type=kwargs.get("source_type"),
            allow_deletions=kwargs.get("allow_deletions") is True,
        )
        refused = await self._in_worker(commit)
        return {
            "success": True,
            "snapshot_needed": session.is_spoilt,
            "committed_index": log.committed,
            "refused_deletions": refused,
        }

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        """Open a session; the task's directory is created, locked and brought back to its last commit.

        Replies `session_id`, `suggested_heartbeat_interval_seconds` and `committed_index`.

        Raises:
            ConfigError: permissions, a symbolic link, another process, another task's files.
            RetryableError: a full disk and the like.
            DamagedFileError: the last file holds committed batches and is not valid.
        """
        del kwargs
        log = await self._in_worker(lambda: self._open(task_id))
        session = log.begin(uuid.uuid4().hex, self._counters)
        self._sessions[session.id] = session
        return {
            "session_id": session.id,
            "suggested_heartbeat_interval_seconds": self._params.heartbeat_interval_sec,
            "committed_index": log.committed,
        }

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Confirm the session; a file needs no reminder, so sessions never expire.

        Raises:
            DriverError: the session is unknown.
        """
        session_id = kwargs.get("session_id")
        if session_id is not None:
            self._session(session_id)
        return {"status": "ok"}

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        """The index to resume from: -1 until a complete snapshot of the session's task is durable.

        Raises:
            DriverError: the session is unknown.
        """
        return self._logs[self._session(kwargs.get("session_id")).task].committed

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """No wishes: every field is written as it comes."""
        del kwargs
        return {}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the endpoint is a directory, or one can be created there. Keywords: `endpoint`, `driver_params`."""
        return await asyncio.to_thread(_checks.connection, kwargs.get("endpoint"), kwargs.get("driver_params"))

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether files can be written durably there. Keywords: `endpoint`, `driver_params`."""
        return await asyncio.to_thread(_checks.privileges, kwargs.get("endpoint"), kwargs.get("driver_params"))

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        """One step that asks for the directory."""
        return _checks.WIZARD_STEPS

    def statistics(self) -> Mapping[str, float]:
        """Counters since construction.

        batches (counter, batches): committed; a batch is what one push brings
        events (counter, events): committed
        rows (counter, rows): committed
        bytes_written (counter, bytes): committed
        duplicate_batches (counter, batches): were committed before, and not written again
        duplicate_events (counter, events): of batches that were new in part, were committed before
        failed_writes (counter, batches): of which nothing is stored, since the disk refused
        refused_deletions (counter, rows): kept by the guard against mass deletion
        segments_begun (counter, files): begun, since there was none, or the one before was full or old
        segments_removed (counter, files): removed, as `retain_age_sec` and `retain_bytes` say
        cuts (counter, pieces): of uncommitted batches, set aside when a log was opened
        """
        return dataclasses.asdict(self._counters)

    async def close(self) -> None:
        """Finish what is being written and release the directories. May be called twice; a new instance works then."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._sessions.clear()
        try:
            await worker.run(self._close_logs)
        finally:
            worker.stop()

    def _close_logs(self) -> None:
        while self._logs:
            task, _ = self._logs.popitem()
            release(self._path(task))

    def _open(self, task: str) -> TaskLog:
        log = self._logs.get(task)
        if log is None:
            log, is_new = acquire(self._path(task), task, self._params, clock=time.time)
            self._logs[task] = log
            self._counters.cuts += log.cuts if is_new else 0
        return log

    def _path(self, task: str) -> Path:
        return self._endpoint / directory_name(task)

    def _session(self, session_id: str | None) -> Session:
        session = None if session_id is None else self._sessions.get(session_id)
        if session is None:
            raise DriverError(f"Session {session_id!r} is unknown or obsolete (419); create a new one")
        return session

    async def _in_worker(self, work: Callable[[], _T]) -> _T:
        if self._worker is None:
            raise DriverError(f"Pusher {self.id!r} is closed; construct a new one")
        return await self._worker.run(work)
