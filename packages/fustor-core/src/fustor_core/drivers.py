"""The two abstract base classes. Everything a host calls on a driver is here, and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from fustor_core.exceptions import NotSupported
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_event_model import AuditItem, EventBase

__all__ = ["PusherDriver", "SourceDriver"]


class _Checks:
    """What hosts ask of a driver class before they run it; a driver overrides what it can answer.

    Each check answers `(passed, text)`, never raises and never names a secret. Keywords: `uri` (a pusher: `endpoint`),
    `credential`, `admin_creds`, `driver_params`; a host may pass fewer.
    """

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the other side can be reached with these credentials."""
        return _unsupported(cls, "test_connection", kwargs)

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the credentials suffice for all that the driver does."""
        return _unsupported(cls, "check_privileges", kwargs)

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        """Steps of a configuration wizard: `{"steps": [{"step_id", "title", "schema", "validations"}]}`."""
        return {"steps": []}

    def statistics(self) -> Mapping[str, float]:
        """Documented counters and gauges by name; cheap, and callable from any thread.

        A host that shows how far a snapshot is reads a source's `estimated_rows`, how many rows there are about.
        """
        return {}

    async def close(self) -> None:
        """Release everything. May be called twice, and while iterators run: they end."""


def _unsupported(driver: type, name: str, kwargs: Mapping[str, Any]) -> tuple[bool, str]:
    asked = f" (asked with {', '.join(sorted(kwargs))})" if kwargs else ""
    return False, f"Not supported: {driver.__name__} has no {name}{asked}"


class SourceDriver(_Checks, ABC):
    """Reads a system and emits its state and its changes as events.

    Every method that takes keywords accepts some that it does not know. The constructor takes no exclusive resource,
    since a host may construct two instances for one source.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    """The optional names that this driver honours: `get_audit_iterator`, `acknowledge`, `get_latest_position`,
    `get_snapshot_partitions`, `scan_path`, `perform_sentinel_check`, `statistics`, and the keywords `end_position` and
    `progress_interval`."""

    def __init__(self, id: str, config: SourceConfig) -> None:
        self.id = id
        self.config = config

    @property
    def is_transient(self) -> bool:
        """Whether this source cannot wait: a host whose buffer is full gives up its stream instead of holding it.

        It says nothing of positions: those are `is_position_available` and the indexes of events.
        """
        return False

    @abstractmethod
    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        """Everything there is, once, as finite events with `message_source="snapshot"`; the call returns at once.

        Only a complete snapshot ends normally. `index` is -1 or below the first realtime index. Keywords:
        `batch_size` (rows in one event, 1000 by default), `required_fields_tracker`, `stop_event`, `partition`.

        Raises:
            DriverError: while iterating, when the snapshot was stopped or closed before its end, or cannot go on.
        """

    @abstractmethod
    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        """Changes as they happen, without end, with `message_source="realtime"`.

        Armed on return: what happens afterwards is delivered. `start_position` is the index of the last event that
        was consumed, -1 for "from now". `index` is strictly increasing, or -1 on every event. Ends within 2 s of
        `stop_event`, also while idle. Keywords: `stop_event` (threading.Event), `required_fields_tracker`,
        `end_position`, `progress_interval` (seconds).

        Raises:
            DriverError: what cannot be retried; transient faults are survived as configured.
        """

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[AuditItem]:
        """What the containers hold now, with `message_source="audit"`, so that a consumer finds what no event reported.

        Guide dialect: events between an `Audit-Start` and an `Audit-End`. With `mtime_cache` (a dict of the host's):
        pairs of an event or None and `{container: mtime}`. Keywords: `batch_size`, `stop_event`, `mtime_cache`.
        """
        del kwargs
        return iter(())

    def is_position_available(self, position: int) -> bool:
        """Whether a stream resumed at `position` would miss nothing; may do I/O, never raises.

        This default knows of no log to resume from, so it says False: a host then takes a new snapshot and loses
        nothing.
        """
        del position
        return False

    def acknowledge(self, index: int) -> None:
        """Take note that everything up to `index` is durable downstream.

        Thread-safe and idempotent; lower values are ignored; works on an instance that reads nothing; never raises.
        """

    def get_latest_position(self) -> int:
        """A real position at or above everything committed before the call; cheap, needs no open stream.

        Raises:
            NotSupported: the source has no log of positions.
        """
        raise NotSupported(f"{type(self).__name__} has no positions")

    def get_snapshot_partitions(self, n: int) -> Sequence[Any]:
        """About `n` JSON values, disjoint and together the snapshot; `get_snapshot_iterator(partition=p)` reads one."""
        del n
        return [None]

    def scan_path(self, path: str, *, recursive: bool = True, **kwargs: Any) -> Iterator[EventBase]:
        """What is at `path` now and everything below it, or right in it, as events with `message_source="snapshot"`.

        Nothing where nothing is. Agent 0.8 asks for it, beside all phases. Keywords: `batch_size`, `stop_event`.

        Raises:
            NotSupported: the source lists everything or nothing.
            DriverError: while iterating, when it was stopped or closed before its end, or cannot go on.
        """
        del kwargs
        raise NotSupported(f"{type(self).__name__} cannot scan {path!r} alone (recursive={recursive})")

    def perform_sentinel_check(self, task_batch: Mapping[str, Any]) -> dict[str, Any]:
        """How single paths are now: agent 0.8 asks for those that its receiver does not trust.

        `{"type": "suspect_check", "paths": [...]}` is answered with `{"type": "suspect_update", "updates": [...]}`, an
        entry `{"path", "mtime", "size", "status": "exists"}` for each path that is there; any other type with `{}`.

        Raises:
            NotSupported: the source cannot look at single paths.
            DriverError: it cannot look now.
        """
        raise NotSupported(f"{type(self).__name__} cannot answer {task_batch.get('type')!r}")

    @classmethod
    @abstractmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """The fields that rows can carry: `{"properties": {name: {"type": ..., "column_index": 0..n-1}}}`.

        Keywords `uri`, `admin_creds`, `credential`, `driver_params`; agent 0.8 passes none.
        """

    @classmethod
    async def check_runtime_params(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the other side is set up to report its changes."""
        return _unsupported(cls, "check_runtime_params", kwargs)

    @classmethod
    async def create_agent_user(cls, **kwargs: Any) -> tuple[bool, str]:
        """Create the least privileged user that suffices, with `admin_creds`.

        With `dry_run` (and without `admin_creds`) nothing is created: the text has the statements, one a line.
        """
        return _unsupported(cls, "create_agent_user", kwargs)


class PusherDriver(_Checks, ABC):
    """Writes events to a destination, durably and without duplicates.

    Every method that takes keywords accepts some that it does not know. The constructor takes no exclusive resource.
    """

    def __init__(self, id: str, config: PusherConfig) -> None:
        self.id = id
        self.config = config

    @abstractmethod
    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        """Write a batch; when this returns, the batch and its index survive a power cut.

        Returns `{"success": True, "snapshot_needed": False, ...}`; `snapshot_needed` asks for a new session with a
        new snapshot. `refused_rows` counts the rows of this batch that were set aside, `refused_deletions` what the
        guard against mass deletion kept; absent means 0. `message_source` passes through per event, unchanged; events
        are never mutated; a repeated batch leaves one copy. Keywords: `session_id`, `task_id`, `source_type`,
        `is_snapshot_end`, `allow_deletions` (the user allows what the guard would refuse).

        Raises:
            RetryableError: nothing was written; the same batch may be pushed again.
            DriverError: the batch is refused for good.
        """

    @abstractmethod
    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        """Keep the session alive. Keywords: `session_id` (guide, agent 0.2), `can_realtime` (agent 0.8)."""

    @abstractmethod
    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        """Open a session for `task_id`, which is stable over restarts.

        Returns at least `session_id` (str) and `suggested_heartbeat_interval_seconds`.
        """

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        """The index to resume from; -1 until a complete snapshot of the session's task is durable.

        A pusher has to override it (driver contract, section 5): this default keeps nothing, so that every start would
        take a snapshot. Keywords: `session_id`.
        """
        del kwargs
        return -1

    @classmethod
    @abstractmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """JSON Schema of the fields this pusher needs; `{}` means all. Keywords: `endpoint`."""
