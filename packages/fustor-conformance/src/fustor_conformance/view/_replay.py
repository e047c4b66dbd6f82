"""A log of pushes, read as its consumer reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from fustor_conformance.view._view import View
from fustor_event_model import EventBase

__all__ = ["Batch", "replayed"]


class Batch(Protocol):
    """What one push brought, as a log keeps it."""

    @property
    def session_id(self) -> str:
        """The session in which it was pushed."""

    @property
    def events(self) -> Sequence[EventBase]:
        """Its events, in order."""

    @property
    def is_snapshot_end(self) -> bool:
        """Whether a snapshot is complete with it."""


def replayed(batches: Iterable[Batch]) -> View:
    """What a consumer holds of these batches; each change of the session begins one."""
    view, session = View(), None
    for batch in batches:
        if batch.session_id != session:
            session = batch.session_id
            view.begin_session(session)
        for event in batch.events:
            view.apply(event)
        if batch.is_snapshot_end:
            view.snapshot_end()
    return view
