"""The driver that hosts load."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_core.models.config import SourceConfig
from fustor_event_model import AuditItem, EventBase
from fustor_source_fs import _checks
from fustor_source_fs._audit import Audit
from fustor_source_fs._cutting import cut
from fustor_source_fs._demand import scan, verify
from fustor_source_fs._memory import AuditMemory
from fustor_source_fs._ranges import Range
from fustor_source_fs._rows import FIELDS
from fustor_source_fs._running import Counters, Stop
from fustor_source_fs._scope import Scope
from fustor_source_fs._snapshot import part_of, snapshot
from fustor_source_fs._stream import Stream
from fustor_source_fs.config import parse_params, parse_uri

__all__ = ["FsDriver"]


class FsDriver(SourceDriver):
    """Tells the state of a directory tree and, on Linux, every change in it.

    Its events have no index to resume from: a tree keeps no log.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset(
        {"get_audit_iterator", "get_snapshot_partitions", "perform_sentinel_check", "scan_path", "statistics"}
    )

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self.id = id
        self.config = config
        self._params = parse_params(config.driver_params)
        self._path = parse_uri(config.uri)
        # Both released agents read it at every event, though no release declares it.
        self._stop_driver_event = threading.Event()
        self._counters = Counters()
        self._memory = AuditMemory(self._params)
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._asked_position = -1

    @property
    def is_transient(self) -> bool:
        """False: a host whose buffer is full waits. With True, both released agents give up the stream for good."""
        return False

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        """The tree, or a partition of it, a directory's row before those of what it holds.

        Raises:
            DriverError: while iterating, when it was stopped or closed before its end, or the root cannot be read.
        """
        size, stop, token = self._batch_size(kwargs), self._stop(kwargs), kwargs.get("partition")
        if token is None:
            return snapshot(self._scope, size, self._counters, stop)
        return part_of(self._scope, Range.parse(token), size, self._counters, stop)

    def get_snapshot_partitions(self, n: int) -> Sequence[Any]:
        """Ranges of paths, which any instance reads that sees the same tree; one of everything where it is small.

        They are of no moment: each is read as it is then. What is there all the time is in one of them.

        Raises:
            DriverError: the root cannot be read.
        """
        ranges = cut(self._scope, n)
        return [None] if ranges is None else [one.model_dump(mode="json") for one in ranges]

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        """Changes from now on, whatever `start_position` is; the whole tree is watched when this returns.

        Raises:
            DriverError: not on Linux, too few watches, or the root stays away.
        """
        del start_position
        if sys.platform != "linux":
            raise DriverError(f"Not supported: realtime needs Linux, and this is {sys.platform!r}")
        stream = Stream(
            self._scope,
            self._params,
            self._counters,
            retries=(self.config.max_retries, self.config.retry_delay_sec),
            stop=self._stop(kwargs),
            sent=self._memory.note,
            first_is_lost=self._first_is_lost,
        )
        self._streams.add(stream)
        return stream

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[AuditItem]:
        """What every directory holds, a directory's row after everything below it.

        With `mtime_cache` pairs, and unchanged directories are not listed; without it events between the two signals.
        """
        cache = kwargs.get("mtime_cache")
        audit = Audit(self._scope, self._memory, self._counters, self._batch_size(kwargs), cache)
        stop = self._stop(kwargs)
        return audit.between_signals(stop) if cache is None else audit.items(stop)

    def scan_path(self, path: str, *, recursive: bool = True, **kwargs: Any) -> Iterator[EventBase]:
        """What is at a path and, of a directory, everything below it or right in it, as rows of a snapshot.

        Raises:
            DriverError: while iterating, when it was stopped or closed before its end, or the root cannot be read.
        """
        size, stop = self._batch_size(kwargs), self._stop(kwargs)
        return scan(self._scope, path, size, self._counters, stop, recursive=recursive)

    def perform_sentinel_check(self, task_batch: Mapping[str, Any]) -> dict[str, Any]:
        """How the paths of a `suspect_check` are now; what is not there is left out.

        Raises:
            DriverError: the root cannot be read.
        """
        return verify(self._scope, task_batch)

    def is_position_available(self, position: int) -> bool:
        """False: no position can be resumed from. Which one was asked for tells hosts apart that lose a first event."""
        self._asked_position = position
        return False

    def acknowledge(self, index: int) -> None:
        """Nothing is held back, so nothing is released."""

    def statistics(self) -> Mapping[str, float]:
        """Counters since construction, and gauges of the newest realtime stream.

        overflows (counter, times): the kernel's or the driver's queue was too small
        rescans (counter, times): the whole tree was compared because of it
        failed_listings (counter, directories): could not be listed, in any phase
        watched_directories (gauge, directories): the kernel reports what changes in them
        unwatched_directories (gauge, directories): beyond the limit on watches, listed every `poll_interval_sec`
        unreadable_directories (gauge, directories): cannot be listed now; nothing is claimed about what they hold
        queued_bytes (gauge, bytes): of kernel events that wait for the host
        """
        return self._counters.as_mapping()

    async def close(self) -> None:
        """End all iterators and give back watches, threads and descriptors."""
        self._stop_driver_event.set()
        for stream in list(self._streams):
            stream.close()

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """The keys that rows can have."""
        del kwargs
        fields = enumerate(FIELDS.items())
        return {"properties": {name: {"type": kind, "column_index": index} for index, (name, kind) in fields}}

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the root is a directory that can be listed."""
        return _checks.answer(kwargs, _checks.connection)

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether every directory can be read and searched."""
        return _checks.answer(kwargs, _checks.privileges)

    @classmethod
    async def check_runtime_params(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the kernel's limits and the kind of file system suffice for realtime."""
        return _checks.answer(kwargs, _checks.runtime_params)

    @classmethod
    async def create_agent_user(cls, **kwargs: Any) -> tuple[bool, str]:
        """Not supported: users of a file system are the operating system's."""
        del kwargs
        return False, "Not supported: create the user with the operating system's tools and let it read the tree"

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        """One step: where the tree is, and what is left out of it."""
        return _checks.wizard_steps()

    @property
    def _first_is_lost(self) -> bool:
        """Whether the host may give the first event of a stream a number that its consumer has passed already.

        Agent 0.2.16 may, and its base class knows of no audits. Agent 0.8.17, which asks for position 0 before every
        stream, does not, and Fusion counts an event without rows as an error: after fifty it is deaf for a minute.
        Source: `MemoryEventBus` of both releases, `FusionPipe` of fustor-fusion 0.8.17.
        """
        return self._asked_position != 0 or not hasattr(SourceDriver, "get_audit_iterator")

    @cached_property
    def _scope(self) -> Scope:
        return Scope.of(self._path, self._params)

    def _batch_size(self, kwargs: Mapping[str, Any]) -> int:
        asked = kwargs.get("batch_size")
        return asked if isinstance(asked, int) and asked > 0 else self._params.batch_size

    def _stop(self, kwargs: Mapping[str, Any]) -> Stop:
        return Stop(self._stop_driver_event, kwargs.get("stop_event"))
