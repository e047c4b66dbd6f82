"""Batch reads: a snapshot in one task or in partitions, and an audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSourceReader, InputPartition

from fustor_core.exceptions import DriverError
from fustor_driver.hosts.calls import open_phase
from fustor_event_model import EventBase, LifecycleSignal, MessageSource
from pyspark_fustor._building import reading, require, source
from pyspark_fustor._holding import held_partitions
from pyspark_fustor._options import Phase, SourceOptions
from pyspark_fustor._rows import arrow_batches

__all__ = ["BatchReader"]


@dataclass(frozen=True)
class Part(InputPartition):
    """One partition of a snapshot as JSON, or None for all there is."""

    value: Any = None


class BatchReader(DataSourceReader):
    """Reads everything there is, once."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options

    def partitions(self) -> list[InputPartition]:
        """The partitions, which are of one moment; one where none were asked for.

        Raises:
            NotSupported: the source cannot be read in that way.
        """
        audits = self._options.phase is Phase.AUDIT
        with source(self._options) as built:
            if audits:
                require(built, {"get_audit_iterator"}, "audited")
            elif self._options.partitions > 1:
                require(built, {"get_snapshot_partitions"}, "read in partitions")
        if audits or self._options.partitions == 1:
            return [Part()]
        return [Part(token) for token in held_partitions(self._options)]

    def read(self, partition: InputPartition | None) -> Iterator[pa.RecordBatch]:
        """The rows of one partition.

        Raises:
            DriverError: the source could not be read to the end.
        """
        token = partition.value if isinstance(partition, Part) else None
        bounds = {} if token is None else {"partition": token}
        phase = MessageSource(self._options.phase.value)
        with source(self._options) as built, reading() as stop:
            events = open_phase(built, phase, stop, batch_size=self._options.batch_size, bounds=bounds)
            yield from arrow_batches(_audited(events) if phase is MessageSource.AUDIT else events)


def _audited(events: Iterator[EventBase]) -> Iterator[EventBase]:
    """The rows of an audit, to its own end.

    Raises:
        DriverError: it broke off, so that its end must never be pushed.
    """
    has_ended = False
    for event in events:
        has_ended = event.signal is LifecycleSignal.AUDIT_END
        yield event
    if not has_ended:
        raise DriverError("The audit broke off before its end; nothing is deleted by it, take another one")
