"""Drivers that break a rule of family U: what a pusher keeps as a sender of agent 0.8."""

from __future__ import annotations

from kit_pusher import FileWorld, LogDriver

from fustor_event_model import MessageSource
from kit_mutants.registry import mutant


@mutant("U14", "U21", "U25", world=FileWorld)
class KnowsTheIndexesOfTheStartBefore(LogDriver):
    """A snapshot makes the task incomplete, and what was told under an index before it counts as known."""

    def take(self, state, session, task, event):
        if event.message_source is MessageSource.SNAPSHOT and event.rows and session["open"]:
            session["lists"], task["complete"] = True, False
        super().take(state, session, task, event)
