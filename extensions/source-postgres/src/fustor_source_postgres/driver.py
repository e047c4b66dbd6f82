"""The driver: what hosts call, handed on to the modules that do it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from threading import Event, Lock
from typing import Any, ClassVar, TypeVar

import psycopg2

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import ConfigError
from fustor_core.models.config import SourceConfig
from fustor_event_model import AuditItem, EventBase
from fustor_source_postgres._answers import WIZARD_STEPS, answer, make_agent_user, on_server, selected
from fustor_source_postgres._audit import Auditor
from fustor_source_postgres._checks import check_connection, check_privileges, check_settings
from fustor_source_postgres._rows.shape import FIELD_TYPES
from fustor_source_postgres._server.boundary import Boundary
from fustor_source_postgres._server.patience import Patience, Stop, Stopped
from fustor_source_postgres._server.slots import base_index, latest_lsn
from fustor_source_postgres._snapshot import Partition, SnapshotReader, make_partitions
from fustor_source_postgres._stream.opening import Opener
from fustor_source_postgres._stream.stream import MessageStream, Range
from fustor_source_postgres._tables import TableReader
from fustor_source_postgres.config import parse_params

__all__ = ["PostgresDriver"]

_log = logging.getLogger(__name__)
_Item = TypeVar("_Item")
_DEFAULT_BATCH_SIZE = 1_000
_HOST_ACKNOWLEDGES = "acknowledge" in vars(SourceDriver)  # the released agents' base class has no such method
_AGENT_EVENTS_IN_HAND = 102  # 100 in the agent's thread queue, one in each of two hands


class PostgresDriver(SourceDriver):
    """Reads one database: chosen tables as a snapshot, their changes from the log, and both again as an audit.

    `config.uri` is `postgresql://host:port/database`; user and password come from `config.credential` or the uri;
    `config.driver_params` is a `PostgresParams`.

    Raises:
        ConfigError: `driver_params` or the uri cannot be understood.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset(
        {
            "acknowledge",
            "end_position",
            "get_audit_iterator",
            "get_latest_position",
            "get_snapshot_partitions",
            "progress_interval",
            "statistics",
        }
    )
    require_schema_discovery: ClassVar[bool] = False

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        self.id = id
        self.config = config
        self._stop_driver_event = Event()
        self._params = parse_params(config.driver_params)
        self._opener = Opener.of(id, config.uri, config.credential, self._params)
        self._address, self._shared = self._opener.address, self._opener.shared
        self._lock = Lock()
        self._streams: list[MessageStream] = []
        self._held: list[Boundary] = []
        self._counts = {"events": 0, "rows": 0, "snapshot_rows": 0, "audit_rows": 0}

    @property
    def is_transient(self) -> bool:
        """False: the log can be read again from every position that was not acknowledged."""
        return False

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        """Every row of the chosen tables, at the boundary of the stream that was opened before, if one was."""
        partition = kwargs.get("partition")
        reader = SnapshotReader(self._opener, *self._asked(kwargs))
        events = reader.whole() if partition is None else reader.partition(Partition.model_validate(partition))
        return self._counted("snapshot_rows", reader, events)

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        """Changes after `start_position`; from now, with a new boundary for the snapshot, where it is not available."""
        stop = Stop(self._stop_driver_event, kwargs.get("stop_event"))
        asked = Range(start_position, kwargs.get("end_position"), kwargs.get("progress_interval"))
        behind = 0 if _HOST_ACKNOWLEDGES else self.config.max_queue_size + _AGENT_EVENTS_IN_HAND
        try:
            stream = MessageStream(self._opener, asked, self._patience(stop), stop, behind)
        except Stopped:
            return iter(())
        self._shared.add_stream(stream)
        with self._lock:
            self._streams.append(stream)
        return self._streamed(stream)

    def _streamed(self, stream: MessageStream) -> Iterator[EventBase]:
        try:
            yield from stream.events()
        finally:
            self._drop(stream)

    def _drop(self, stream: MessageStream) -> None:
        stream.close()
        self._shared.remove_stream(stream)
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
                self._counts["events"] += stream.events_sent
                self._counts["rows"] += stream.rows_sent

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[AuditItem]:
        """Every chosen table again, with its containers; unchanged ones are skipped where the host has a cache."""
        auditor = Auditor(self._opener, *self._asked(kwargs), kwargs.get("mtime_cache"))
        return self._counted("audit_rows", auditor, auditor.items())

    def _asked(self, kwargs: Mapping[str, Any]) -> tuple[Patience, Stop, int]:
        stop = Stop(self._stop_driver_event, kwargs.get("stop_event"))
        return self._patience(stop), stop, _batch_size(kwargs)

    def _counted(self, name: str, reader: TableReader, items: Iterator[_Item]) -> Iterator[_Item]:
        try:
            yield from items
        finally:
            with self._lock:
                self._counts[name] += reader.rows_sent

    def is_position_available(self, position: int) -> bool:
        """Whether the slot still holds everything after `position`; False as well when nobody can say."""
        if position <= 0:
            return False
        try:
            return self._opener.is_available(position)
        except psycopg2.Error as err:
            _log.warning("Position %d cannot be checked: %s", position, self._address.clean(err))
            return False

    def acknowledge(self, index: int) -> None:
        """Release the slot up to `index`, as far as every stream of this source has come."""
        with self._lock:
            own = [stream for stream in self._streams if not stream.is_bounded]
        try:
            self._shared.acknowledge(own, index, self._opener.release)
        except psycopg2.Error as err:
            _log.warning("Slot %s was not released: %s", self._opener.slot, self._address.clean(err))

    def get_latest_position(self) -> int:
        """The end of the log: at or above everything committed before the call, below everything after it."""
        return self._patience(Stop(self._stop_driver_event)).keep_trying(self._latest_position)

    def _latest_position(self) -> int:
        with self._address.session() as conn:
            return base_index(latest_lsn(conn) + 7)  # up to where a commit can lie

    def get_snapshot_partitions(self, n: int) -> Sequence[Any]:
        """About `n` ranges of pages, to be read while this instance is open and `snapshot_hold_sec` last."""
        return self._patience(Stop(self._stop_driver_event)).keep_trying(lambda: self._partitions(n))

    def _partitions(self, n: int) -> list[dict[str, Any]]:
        boundary, partitions = make_partitions(self._opener, n)
        with self._lock:
            self._held.append(boundary)
        return [partition.model_dump(mode="json") for partition in partitions]

    def statistics(self) -> Mapping[str, float]:
        """Counters since construction, and gauges of now; the last two as soon as the server was asked.

        events (counter, events): emitted in realtime
        rows (counter, rows): emitted in realtime
        snapshot_rows (counter, rows): read by snapshots, counted when one is over
        audit_rows (counter, rows): read by audits, counted when one is over
        skipped_rows (counter, rows): changed in realtime, in a way that the stream cannot follow
        streams (gauge, streams): open
        queued_bytes (gauge, bytes): of changes read ahead of the host
        skipped_tables (gauge, tables): the stream cannot follow their changes
        slot_bytes (gauge, bytes): of its log that the server keeps for the slot, looked at every `heartbeat_sec`
        estimated_rows (gauge, rows): in the chosen tables by the server's estimate, when they were listed last
        """
        with self._lock:
            streams = list(self._streams)
            counts = dict(self._counts)
        counts["events"] += sum(stream.events_sent for stream in streams)
        counts["rows"] += sum(stream.rows_sent for stream in streams)
        known = {"slot_bytes": self._shared.slot_bytes, "estimated_rows": self._shared.estimated_rows}
        counts |= {name: value for name, value in known.items() if value is not None}
        return counts | {
            "streams": len(streams),
            "queued_bytes": sum(stream.queued_bytes for stream in streams),
            "skipped_tables": len(self._shared.skipped),
            "skipped_rows": self._shared.skipped_rows,
        }

    async def close(self) -> None:
        """End every iterator and release everything but the slot, which keeps the position."""
        self._stop_driver_event.set()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            streams, held = list(self._streams), self._held
            self._held = []
        for stream in streams:
            self._drop(stream)
        for boundary in held:
            boundary.close()

    def _patience(self, stop: Stop) -> Patience:
        return Patience(self.config.max_retries, self.config.retry_delay_sec, self._address, stop)

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        """The fields that rows can carry; columns travel in `record`. Asked as a host asks, the chosen tables too."""
        fields = enumerate(FIELD_TYPES.items())
        properties = {name: {"type": kind, "column_index": n} for n, (name, kind) in fields}
        chosen = await selected(kwargs)
        return {"properties": properties} | ({} if chosen is None else {"selection": chosen})

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        """Which server answered, and whether the connection is encrypted."""
        return await answer(kwargs, lambda asked: on_server(asked, lambda conn, *_: check_connection(conn)))

    @classmethod
    async def check_privileges(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the user may stream and read every chosen table, and what to run if not."""
        return await answer(kwargs, lambda asked: on_server(asked, check_privileges))

    @classmethod
    async def check_runtime_params(cls, **kwargs: Any) -> tuple[bool, str]:
        """Whether the server can stream its changes; names slots that nobody reads, and what they hold back."""
        return await answer(kwargs, lambda asked: on_server(asked, check_settings))

    @classmethod
    async def create_agent_user(cls, **kwargs: Any) -> tuple[bool, str]:
        """Make the user in `credential` with `admin_creds`, and let it read what `driver_params` choose.

        With `dry_run` nothing is done: the answer is what an administrator runs instead.
        """
        return await answer(kwargs, make_agent_user)

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        """One step for the connection, one for what to read."""
        return {"steps": WIZARD_STEPS}


def _batch_size(kwargs: Mapping[str, Any]) -> int:
    asked = kwargs.get("batch_size") or _DEFAULT_BATCH_SIZE
    if not isinstance(asked, int) or asked < 1:
        raise ConfigError(f"batch_size {asked!r} is not a number of rows; give a whole number of at least 1")
    return asked
