"""Writers: a snapshot or an audit by many tasks in one session, a stream by one task after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import Row
from pyspark.sql.datasource import DataSourceArrowWriter, DataSourceStreamWriter, WriterCommitMessage

from fustor_driver.engines import FlatRow
from fustor_driver.redaction import safe_logger
from fustor_event_model import LifecycleSignal, MessageSource, audit_signal
from pyspark_fustor._options import PusherOptions
from pyspark_fustor._pushing import Pushed, in_order, of_phase, push_all, report, require_taken
from pyspark_fustor._rows import flat_row, read_batches
from pyspark_fustor._session import Session

__all__ = ["SessionWriter", "StreamWriter", "open_snapshot"]

_log = safe_logger("pyspark_fustor")


class SessionWriter(DataSourceArrowWriter):
    """A snapshot or an audit by any number of tasks, in a session that was opened before the first of them began.

    With `ends`, what the rows of all tasks lack is deleted once every task has succeeded.
    """

    def __init__(self, options: PusherOptions, session_id: str, phase: MessageSource, *, ends: bool) -> None:
        self._options = options
        self._session_id = session_id
        self._phase = phase
        self._ends = ends

    def write(self, iterator: Iterator[pa.RecordBatch]) -> WriterCommitMessage:
        """Push the rows of one task."""
        rows = of_phase(read_batches(iterator), self._phase)
        with Session(self._options, self._session_id) as session:
            return push_all(session, rows, self._phase, self._options.batch_size)

    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Every task has succeeded: end the phase, if these are all rows there are.

        Raises:
            DriverError: no row was taken.
        """
        task = self._options.task
        report(messages, task)
        require_taken(messages, task)
        if not self._ends:
            return
        is_audit = self._phase is MessageSource.AUDIT
        end = [audit_signal(LifecycleSignal.AUDIT_END)] if is_audit else []
        with Session(self._options, self._session_id) as session:
            reply = session.push(end, self._phase, is_snapshot_end=not is_audit)
        if reply.refused_deletions:
            _log.warning(
                "The guard of task %r kept %d rows from being deleted; option `allow_deletions` allows it",
                task,
                reply.refused_deletions,
            )

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Push no end: what was written stays, and nothing is deleted for what was not."""
        del messages
        _log.warning("A batch of task %r broke off; its end is not pushed", self._options.task)


class StreamWriter(DataSourceStreamWriter):
    """Writes the changes of a micro-batch by one task, in a session of its own."""

    def __init__(self, options: PusherOptions) -> None:
        self._options = options

    def write(self, iterator: Iterator[Row]) -> WriterCommitMessage:
        """Push the rows of one task, if it has any; a second attempt pushes them again, which changes nothing."""
        context = TaskContext.get()
        rows: Iterator[FlatRow] = in_order(map(flat_row, iterator), context.partitionId() if context else 0)
        first = next(rows, None)
        if first is None:
            return Pushed()
        with Session(self._options) as session:
            return push_all(session, chain([first], rows), MessageSource.REALTIME, self._options.batch_size)

    def commit(self, messages: Sequence[WriterCommitMessage | None], batchId: int) -> None:  # noqa: N803 - Spark's name
        """Everything is durable already."""
        del batchId
        report(messages, self._options.task)

    def abort(self, messages: Sequence[WriterCommitMessage | None], batchId: int) -> None:  # noqa: N803 - Spark's name
        """Nothing to take back: Spark reads the same rows again."""
        del messages, batchId


def open_snapshot(options: PusherOptions) -> str:
    """The session of a snapshot; every task writes into it.

    Raises:
        DriverError: the pusher refuses, or keeps sessions within one process.
    """
    with Session(options) as opened:
        opened.require_shared()
        return opened.id
