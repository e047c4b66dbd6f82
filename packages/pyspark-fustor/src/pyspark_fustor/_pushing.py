"""Rows of one task into a pusher, in batches that never split what shares a position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pyspark.sql.datasource import WriterCommitMessage

from fustor_core.exceptions import DriverError
from fustor_driver.engines import FlatRow, events_of
from fustor_driver.redaction import clean, safe_logger
from fustor_event_model import EventBase, MessageSource
from pyspark_fustor._session import Session

__all__ = ["Pushed", "in_order", "in_pushes", "of_phase", "push_all", "report", "require_taken"]

_log = safe_logger("pyspark_fustor")


@dataclass(frozen=True)
class Pushed(WriterCommitMessage):
    """What became of the rows of one task."""

    rows: int = 0
    refused_rows: int = 0
    refused_reason: str | None = None
    """Without secrets: whoever reports it has built no driver, and knows none."""


def push_all(session: Session, rows: Iterable[FlatRow], phase: MessageSource, max_rows: int) -> Pushed:
    """Push rows of one phase, in order; every batch is durable before the next one begins."""
    pushed = refused = 0
    reason = None
    for batch in in_pushes(rows, max_rows):
        reply = session.push(batch, phase)
        pushed += sum(len(event.rows) for event in batch)
        refused += reply.refused_rows
        reason = reply.refused_reason or reason
    return Pushed(pushed, refused, None if reason is None else clean(reason))


def in_pushes(rows: Iterable[FlatRow], max_rows: int) -> Iterator[list[EventBase]]:
    """The events of rows, in pushes of at least `max_rows` rows but for the last; none of them is split."""
    batch: list[EventBase] = []
    count = 0
    for event in events_of(rows, max_rows):
        batch.append(event)
        count += len(event.rows)
        if count >= max_rows:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def in_order(rows: Iterable[FlatRow], partition: int) -> Iterator[FlatRow]:
    """Rows of a stream, as long as one task has them all, in the order of their positions.

    Raises:
        DriverError: they are not; a pusher drops what lies below what it has, so that a change would be lost.
    """
    last = 0
    for row in rows:
        if row.message_source != MessageSource.REALTIME:
            raise DriverError(f"A stream is written from changes, and not from rows of a {row.message_source!r}")
        if partition > 0:
            raise DriverError(
                f"Task {partition} of a micro-batch has changes; one task pushes them all, in order: add `.coalesce(1)`"
            )
        if row.position < last or row.position < 0:
            raise DriverError(
                f"Position {row.position} comes after {last}; changes are pushed in the order of their positions: add "
                '`.coalesce(1).sortWithinPartitions("position")`'
            )
        last = row.position
        yield row


def of_phase(rows: Iterable[FlatRow], phase: MessageSource) -> Iterator[FlatRow]:
    """Rows, as long as they are of one phase.

    Raises:
        DriverError: one is not.
    """
    for row in rows:
        if row.message_source != phase:
            raise DriverError(f"A batch is written from rows of {phase.value!r}; this one has {row.message_source!r}")
        yield row


def report(messages: Sequence[WriterCommitMessage | None], task: str) -> None:
    """Warn of rows that the pusher set aside."""
    total = _total(messages)
    if total.refused_rows:
        _log.warning("The pusher of task %r has set %d rows aside: %s", task, total.refused_rows, _reason(total))


def require_taken(messages: Sequence[WriterCommitMessage | None], task: str) -> None:
    """Return if the tasks of a batch had no rows, or the pusher has taken one: only then is there an end to push.

    Raises:
        DriverError: it refused them all; after the end, a reader would take the rest of the destination for gone.
    """
    total = _total(messages)
    if total.rows and total.refused_rows >= total.rows:
        raise DriverError(
            f"The pusher refused every one of the {total.rows} rows of task {task!r}: {_reason(total)}; no end is "
            "pushed and nothing deleted; mend the destination or the options and write it again"
        )


def _total(messages: Sequence[WriterCommitMessage | None]) -> Pushed:
    found = [message for message in messages if isinstance(message, Pushed)]
    return Pushed(
        sum(message.rows for message in found),
        sum(message.refused_rows for message in found),
        next((message.refused_reason for message in found if message.refused_reason), None),
    )


def _reason(pushed: Pushed) -> str:
    return pushed.refused_reason or "no reason given"
