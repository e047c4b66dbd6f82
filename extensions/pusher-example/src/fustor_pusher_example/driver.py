"""The pusher driver `example`: appends events to a file of JSON Lines, durably and once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import fustor_core.exceptions
from fustor_core.drivers import PusherDriver
from fustor_core.exceptions import ConfigError, DriverError
from fustor_core.models.config import PusherConfig
from fustor_event_model import EventBase

from ._log import Log
from .config import parse_params

__all__ = ["ExampleDriver"]

_HEARTBEAT_SEC = 10
# Agent 0.2 knows no error that may be retried.
_RETRYABLE: type[Exception] = getattr(fustor_core.exceptions, "RetryableError", DriverError)


class ExampleDriver(PusherDriver):
    """Appends every event to one file in the directory that the endpoint names."""

    def __init__(self, id: str, config: PusherConfig) -> None:
        super().__init__(id, config)
        self.id = id
        self.config = config
        self.params = parse_params(config.driver_params)
        self._log = Log(_directory(config.endpoint) / self.params.file_name)

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        """Appends a batch, and commits it before it returns.

        Raises:
            RetryableError: the disk refused; nothing was written. (DriverError where the host knows no such error.)
            DriverError: the file is not one of this driver's.
        """
        session = str(kwargs.get("session_id") or "")
        source = kwargs.get("source_type") or (events[0].message_source if events else "realtime")
        written = await self._do(
            self._log.append,
            events,
            task=_task_of(session),
            session=session,
            phase=str(source),
            end=bool(kwargs.get("is_snapshot_end")),
        )
        return {"success": True, "snapshot_needed": False, "written": written}

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing to keep alive: a file does not forget."""
        del kwargs
        return {"status": "ok"}

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        """A session that names its task, so that any instance of this driver knows it."""
        del kwargs
        return {
            "session_id": f"{uuid4().hex}:{task_id}",
            "suggested_heartbeat_interval_seconds": _HEARTBEAT_SEC,
        }

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        """The index to resume from, -1 until a snapshot of the session's task is complete."""
        return await self._do(self._log.committed_index, _task_of(str(kwargs.get("session_id") or "")))

    async def close(self) -> None:
        """Nothing to release: the file is open only while a batch is written."""

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """All of them."""
        del kwargs
        return {}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether files can be made in the directory, which is made for that."""
        try:
            params = parse_params(kwargs.get("driver_params"))
            directory = _directory(str(kwargs["endpoint"]))
            await asyncio.to_thread(_try, directory / f".{params.file_name}.{uuid4().hex}")
        except KeyError:
            return False, "No endpoint was given; name a directory"
        except (ConfigError, OSError) as error:
            return False, f"Cannot write there: {error}"
        return True, f"Files can be written in {str(directory)!r}"

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether files can be written, which is all that the driver does."""
        return await cls.test_connection(**kwargs)

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        """No steps: the driver is configured in a file."""
        return {"steps": []}

    async def _do(self, work: Callable[..., int], *args: Any, **kwargs: Any) -> int:
        """Its result, computed in a thread: disks are slow, and the host has heartbeats to send."""
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except OSError as error:
            raise _RETRYABLE(f"Pusher {self.id!r} cannot write ({error}); make room or change rights") from error
        except ValueError as error:
            raise DriverError(f"Pusher {self.id!r}: {error}") from error


def _directory(endpoint: str) -> Path:
    return Path(endpoint.removeprefix("file://"))


def _task_of(session: str) -> str:
    return session.partition(":")[2] or session


def _try(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.unlink()
