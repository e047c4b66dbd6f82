"""What an engine keeps between two runs, and whether a source can go on from there."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fustor_core.drivers import SourceDriver
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts.calls import is_reached
from fustor_driver.hosts.selection import Change, SelectionNote
from fustor_driver.supervision import run_bounded

__all__ = ["Bookmark", "has_positions", "look", "why_snapshot"]


class Bookmark(BaseModel):
    """Up to where everything is durable downstream, by the engine's word. It holds digests, and no secret."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    position: int = Field(default=-1, ge=-1, lt=1 << 63, description="Index to resume after; -1: there is none")
    version: int = Field(default=0, description="Milliseconds since the epoch when the last snapshot began")
    selection: SelectionNote | None = Field(default=None, description="What was selected then")

    @classmethod
    def of(cls, data: Any) -> Self:
        """The bookmark in an engine's JSON; an empty one where there is none.

        Raises:
            CheckFailed: it is something else.
        """
        if data is None:
            return cls()
        try:
            return cls.model_validate(data)
        except ValidationError as err:
            raise CheckFailed("The state is not one of fustor-driver; begin without it") from err

    def as_json(self) -> dict[str, Any]:
        """Plain data from which `of` makes the same bookmark."""
        return self.model_dump(mode="json", exclude_none=True)


def has_positions(source: SourceDriver) -> bool:
    """Whether a source knows how far its log goes, so that an engine can ask for a part of it."""
    return "get_latest_position" in source.capabilities


def look(source: SourceDriver, before: SelectionNote | None) -> SelectionNote:
    """What a source selects now, comparable to what was noted before."""
    return run_bounded(lambda: SelectionNote.look(source, before), name="fustor-selection")


def why_snapshot(source: SourceDriver, known: Bookmark, selection: SelectionNote) -> str | None:
    """Why a run has to begin with a snapshot, in words; None where it can go on at the bookmark.

    Raises:
        CheckFailed: the source is out of reach, so that nobody can say.
    """
    if not has_positions(source):
        return "the source has no positions"
    if known.position <= 0:
        return "nothing was read before"
    if not source.is_position_available(known.position):
        _require_reached(source)
        if not source.is_position_available(known.position):
            return f"position {known.position} is gone, the source no longer has all that came after it"
    if known.selection is None or known.selection.change_to(selection) is not Change.NONE:
        return "the source selects other rows than at the last snapshot, or may"
    return None


def _require_reached(source: SourceDriver) -> None:
    reached, text = run_bounded(lambda: is_reached(source), name="fustor-source-check")
    if not reached:
        raise CheckFailed(f"The source {source.id!r} is not reached: {text}; mend it and start again, nothing is lost")
