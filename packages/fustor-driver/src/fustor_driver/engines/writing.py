"""What an engine is told of a run: a message for each row, and how far it is where that is worth one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from fustor_driver.engines.bookmarks import Bookmark
from fustor_driver.engines.catching_up import Passed, SnapshotBegins, SnapshotEnds, Step
from fustor_driver.engines.lines import Lines
from fustor_driver.hosts.selection import SelectionNote
from fustor_event_model import EventBase, MessageSource

__all__ = ["Writer"]


class Writer(ABC):
    """Turns steps into messages. A snapshot has no position before its end: one that breaks off begins again.

    Args:
        stream: its name.
        lines: where the messages go.
        known: where the run begins.
        selection: what a snapshot of this run is of.
        every_rows: after how many rows it says how far it is, at the next position.
    """

    def __init__(self, stream: str, lines: Lines, known: Bookmark, selection: SelectionNote, every_rows: int) -> None:
        self._stream = stream
        self._lines = lines
        self._mark = known
        self._position = known.position
        self._selection = selection
        self._every_rows = every_rows
        self._rows = 0

    def take(self, step: Step) -> None:
        """Write what a step says, and how far it is where that is due."""
        if isinstance(step, EventBase):
            self._write_rows(step)
            self._rows += len(step.rows)
            if step.message_source is MessageSource.REALTIME and step.index >= 0:
                self._passed(step.index)
        else:
            self._note(step)

    def _note(self, step: SnapshotBegins | SnapshotEnds | Passed) -> None:
        if isinstance(step, SnapshotEnds):
            self._mark = Bookmark(version=step.version, selection=self._selection)
            self._position = -1
        elif isinstance(step, Passed):
            self._passed(step.position)

    def say(self) -> None:
        """Write how far everything before was."""
        self._lines.write(self._state(self._mark.model_copy(update={"position": self._position}), self._rows))
        self._lines.flush()
        self._rows = 0

    def _passed(self, position: int) -> None:
        self._position = max(position, self._position)
        if self._rows >= self._every_rows:
            self.say()

    @abstractmethod
    def _write_rows(self, event: EventBase) -> None:
        """Write a message for each row of an event."""

    @abstractmethod
    def _state(self, mark: Bookmark, rows: int) -> dict[str, Any]:
        """The message that a run may resume at a bookmark; `rows` were written since the last one."""
