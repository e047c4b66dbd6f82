"""The record that a stage keeps of what is to come out of it, for whoever finds the stage after a crash."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fustor_new._files import sync, write_new
from fustor_new.plan import Plan, Registration

__all__ = ["Journal", "Move", "drop_journal", "read_journal", "write_journal"]

_NAME = "journal.json"
_VERSION = 1


@dataclass(frozen=True)
class Move:
    """A staged directory and where it goes, both relative to the root of the plan."""

    staged: str
    target: str


@dataclass(frozen=True)
class Journal:
    """What a run has set out to do; before `committing` it has changed nothing outside its stage."""

    committing: bool
    moves: tuple[Move, ...]
    registrations: tuple[Registration, ...]
    homes: tuple[str, ...]
    """The directories to remove when all is done: the stage, and its like on other file systems."""

    @classmethod
    def of(cls, plan: Plan, staged: Mapping[Path, Path], homes: Iterable[Path], *, committing: bool) -> "Journal":
        """Return the journal for a plan whose trees are staged where `staged` says, by target."""

        def place(path: Path) -> str:
            return os.path.relpath(path, plan.root)

        moves = tuple(Move(place(staged[tree.target]), place(tree.target)) for tree in plan.trees)
        return cls(committing, moves, plan.registrations if plan.edits else (), tuple(map(place, homes)))

    @property
    def title(self) -> str:
        """The targets, for messages."""
        return ", ".join(move.target for move in self.moves) or ", ".join(one.directory for one in self.registrations)


def write_journal(stage: Path, journal: Journal) -> None:
    """Write the journal into the stage, whole or not at all."""
    draft = stage / f"{_NAME}.new"
    write_new(draft, json.dumps({"version": _VERSION, **asdict(journal)}).encode())
    sync(draft)
    draft.replace(stage / _NAME)
    sync(stage)


def read_journal(stage: Path) -> Journal | None:
    """Return the stage's journal, or None when it has none: not yet, or no longer."""
    try:
        data = json.loads((stage / _NAME).read_bytes())
    except FileNotFoundError:
        return None
    return Journal(
        committing=data["committing"],
        moves=tuple(Move(**move) for move in data["moves"]),
        registrations=tuple(Registration(**one) for one in data["registrations"]),
        homes=tuple(data["homes"]),
    )


def drop_journal(stage: Path) -> None:
    """Take the journal away: what the stage still holds is of no use any more."""
    (stage / _NAME).unlink(missing_ok=True)
