"""What of the contract's order, sections 5 and 8, a log of batches breaks."""

from itertools import groupby

from fustor_event_model import LifecycleSignal, MessageSource


def breaches(batches):
    """What breaks it, in words; nothing where all is in order."""
    found = []
    for session, part in groupby(batches, key=lambda batch: batch.session_id):
        order = _Order()
        for batch in part:
            for event in batch.events:
                order.take(event)
            if batch.is_snapshot_end:
                order.end_snapshot()
        found += [f"session {session}: {what}" for what in order.breaches]
    return found


class _Order:
    """The order of one session."""

    def __init__(self):
        self.breaches = []
        self._complete = self._in_audit = False
        self._highest = -1

    def take(self, event):
        """The next event."""
        match event.message_source:
            case MessageSource.REALTIME:
                self._require(event.index > self._highest, f"index {event.index} came after {self._highest}")
                self._highest = event.index
            case MessageSource.SNAPSHOT:
                self._require(not self._complete, "snapshot rows came after the end")
            case MessageSource.AUDIT:
                self._require(self._complete, "an audit came beside the snapshot")
                is_start = event.signal is LifecycleSignal.AUDIT_START
                self._require(is_start or self._in_audit, "something of an audit came outside of its brackets")
                self._in_audit = event.signal is not LifecycleSignal.AUDIT_END

    def end_snapshot(self):
        """The end of the snapshot."""
        self._require(not self._complete, "the snapshot ended twice")
        self._complete = True

    def _require(self, holds, what):
        if not holds:
            self.breaches.append(what)
