"""What an audit begins with under agent 0.8, so that the released view spares what changes while it is listed.

The view deletes what an audit did not report, unless realtime reported it after the audit's first batch had arrived.
The agent sends an audit in batches, so that a small tree arrives as one, when all of it was listed long ago.
An audit therefore begins with a batch of its own. It is known to have been answered as soon as the agent has taken more
items than its queue holds: it takes none while it sends, and Fusion handles what comes later after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from fustor_event_model import EventBase, MessageSource
from fustor_source_fs._entry import open_root
from fustor_source_fs._rows import AUDIT_SKIPPED, EventWriter, row, skipped
from fustor_source_fs._running import Stop
from fustor_source_fs._scope import Scope

__all__ = ["opening"]

_BATCH = 100
"""Events that a pipe of agent 0.8.17 sends at once. Source: its `AgentPipe`, whose configuration has no key for it."""
_QUEUE = 1000
"""Items of an audit that are read ahead while it sends. Source: the same, `iterator_queue_size`."""


def opening(scope: Scope, stop: Stop) -> Iterator[tuple[EventBase | None, dict[str, float]]]:
    """A batch of events that say nothing but that the root is there, and as many empty items as make it sent.

    Raises:
        DriverError: the root cannot be read.
    """
    root = open_root(scope)
    root.close()
    status = root.status
    writer = EventWriter(MessageSource.AUDIT, limit=1)
    rows = skipped([row(root.path, status, status.st_mtime) for _ in range(_BATCH)])
    for finished in chain(writer.put(AUDIT_SKIPPED, rows), writer.cut()):
        yield finished.event, {}
    for _ in range(_QUEUE + 1):
        if stop.is_set():
            return
        yield None, {}
