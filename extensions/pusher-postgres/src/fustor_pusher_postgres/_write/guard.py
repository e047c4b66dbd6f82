"""The guard against mass deletion: what the end of a snapshot or of an audit may take at once.

Source: driver contract, section 8, point 9.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable

from fustor_pusher_postgres._write.writer import Writer

__all__ = ["guarded"]

_log = logging.getLogger(__package__)


def guarded(writer: Writer, what: str, delete: Callable[[], int], *, is_allowed: bool) -> int:
    """Delete, unless that would take too much; return how many rows were to go and stay.

    Args:
        writer: Of the push that asks.
        what: The end that deletes, for the log.
        delete: Deletes, and returns how many rows went.
        is_allowed: Whether the user gave leave for whatever goes.
    """
    before = copy.copy(writer.state), writer.tables.all()
    writer.cur.execute("SAVEPOINT fustor_guard")
    gone = delete()
    share = writer.params.max_delete_share
    if not is_allowed and gone > writer.params.max_delete_rows:
        # exact where that is too few; beyond it nobody has to count
        held = _held(writer, int(gone / share) + 1 if share else None) + gone
        if gone > share * held:
            writer.cur.execute("ROLLBACK TO SAVEPOINT fustor_guard")
            writer.restore(*before)
            _log.warning(
                "%s would have deleted %d of the %d rows of task %r, more than `max_delete_share` allows; nothing was"
                " deleted, and `fustor-driver run --allow-deletions` allows it for one run",
                what,
                gone,
                held,
                writer.state.task,
            )
            return gone
    writer.cur.execute("RELEASE SAVEPOINT fustor_guard")
    return 0


def _held(writer: Writer, limit: int | None) -> int:
    """How many rows the task has; not much more than the limit are counted."""
    held = 0
    for table in writer.tables.all():
        if limit is not None and held > limit:
            break
        query = "SELECT pg_catalog.count(*) FROM (SELECT FROM {t} LIMIT %(most)s) AS counted"
        ((count,),) = writer.run(query, table, most=limit)
        held += count
    return held
