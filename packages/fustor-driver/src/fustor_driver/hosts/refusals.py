"""What a pusher would not take: counted, logged, and the end of a run in which nothing is taken at all."""

from __future__ import annotations

from typing import Protocol

from fustor_driver.errors import CheckFailed
from fustor_driver.hosts.replies import PushReply
from fustor_driver.redaction import safe_logger
from fustor_event_model import MessageSource

__all__ = ["Counts", "Refusals"]

_log = safe_logger("fustor_driver.host")


class Counts(Protocol):
    """Where a run keeps what was refused."""

    dead_letters: int
    refused_deletions: int
    last_error: str | None


class Refusals:
    """Counts rows that were set aside and deletions that were refused.

    One refused row is a dead letter; `limit` of them with none taken in between, or a snapshot without one row that
    was taken, mean that the two sides do not fit together, and end the run.
    """

    def __init__(self, pusher_id: str, counts: Counts, limit: int, way_out: str) -> None:
        """`way_out` says what allows the deletions that the pusher's guard refuses."""
        self._pusher_id = pusher_id
        self._counts = counts
        self._limit = limit
        self._way_out = way_out
        self._in_a_row = 0
        self._snapshot_taken = self._snapshot_refused = 0

    def begin_snapshot(self) -> None:
        """A new session's snapshot begins: nothing of it is taken or refused yet."""
        self._snapshot_taken = self._snapshot_refused = 0

    def replied(self, phase: MessageSource, rows: int, reply: PushReply) -> None:
        """Take note of an answer to a push of so many rows.

        Raises:
            CheckFailed: nothing was taken for too long.
        """
        reason = f": {reply.refused_reason}" if reply.refused_reason else ""
        if reply.refused_rows:
            self._warn(f"The pusher {self._pusher_id!r} set aside {reply.refused_rows} of {rows} {phase} rows{reason}")
            self._counts.dead_letters += reply.refused_rows
        if reply.refused_deletions:
            self._warn(
                f"The pusher {self._pusher_id!r} refused {reply.refused_deletions} deletions of the {phase}; "
                f"the rows stay, and {self._way_out}"
            )
            self._counts.refused_deletions += reply.refused_deletions
        self._count(phase, max(rows - reply.refused_rows, 0), reply.refused_rows, reply.refused_reason)

    def set_aside(self, phase: MessageSource, reason: str) -> None:
        """Take note of one event that is in the dead-letter file now; errors as for `replied`."""
        self._counts.dead_letters += 1
        self._counts.last_error = reason
        self._count(phase, 0, 1, reason)

    def check_snapshot(self) -> None:
        """To be called before a snapshot's end is pushed.

        Raises:
            CheckFailed: the snapshot has rows, and not one of them was taken.
        """
        if self._snapshot_refused and not self._snapshot_taken:
            raise self._nothing_taken(f"the whole snapshot, {self._snapshot_refused} rows or events", None)

    def _warn(self, text: str) -> None:
        self._counts.last_error = text
        _log.warning("%s", text)

    def _count(self, phase: MessageSource, taken: int, refused: int, reason: str | None) -> None:
        if phase is MessageSource.SNAPSHOT:
            self._snapshot_taken += taken
            self._snapshot_refused += refused
        self._in_a_row = 0 if taken else self._in_a_row + refused
        if self._in_a_row >= self._limit:
            raise self._nothing_taken(f"the last {self._in_a_row} rows or events without an exception", reason)

    def _nothing_taken(self, what: str, reason: str | None) -> CheckFailed:
        why = reason or self._counts.last_error
        return CheckFailed(
            f"The pusher {self._pusher_id!r} refused {what}; the last reason: {why}; "
            "mend the destination or the configuration and start again"
        )
