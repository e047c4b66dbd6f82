"""How far a run has come for an engine, and when that is worth a message."""

from __future__ import annotations

from fustor_driver.engines.bookmarks import Bookmark
from fustor_driver.engines.catching_up import Passed, SnapshotEnds, Step
from fustor_driver.hosts.selection import SelectionNote
from fustor_event_model import EventBase, MessageSource

__all__ = ["Progress"]


class Progress:
    """What a run may resume from. A snapshot has nothing before its end: one that breaks off begins again.

    Args:
        known: where the run begins.
        selection: what a snapshot of this run is of.
        every_rows: after how many rows a message is due, at the next position.
    """

    def __init__(self, known: Bookmark, selection: SelectionNote, every_rows: int) -> None:
        self._mark = known
        self._position = known.position
        self._selection = selection
        self._every_rows = every_rows
        self.rows = 0
        """How many were written since the last message."""

    def note(self, step: Step) -> bool:
        """Whether a message is due after this step, of which everything was written."""
        if isinstance(step, EventBase):
            self.rows += len(step.rows)
            is_position = step.message_source is MessageSource.REALTIME and step.index >= 0
            return is_position and self._passed(step.index)
        if isinstance(step, SnapshotEnds):
            self._mark = Bookmark(version=step.version, selection=self._selection)
            self._position = -1
        return isinstance(step, Passed) and self._passed(step.position)

    def said(self) -> Bookmark:
        """How far everything before was, for the message that is written now."""
        self.rows = 0
        return self._mark.model_copy(update={"position": self._position})

    def _passed(self, position: int) -> bool:
        self._position = max(position, self._position)
        return self.rows >= self._every_rows
