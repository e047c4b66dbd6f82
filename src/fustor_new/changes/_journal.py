"""The record that a stage keeps of what is to come out of it, for whoever finds the stage after a crash."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fustor_new.changes._files import digest, sync, write_new
from fustor_new.changes.plan import Edit, FileContent, Plan, Registration, Removal

__all__ = ["Change", "Journal", "Move", "TakenAway", "drop_journal", "read_journal", "write_journal"]

_NAME = "journal.json"
_VERSION = 1


@dataclass(frozen=True)
class Move:
    """A staged directory and where it goes, both relative to the root of the plan."""

    staged: str
    target: str


@dataclass(frozen=True)
class Change:
    """An edit: the file, its fingerprints before and after (None: no file), and the draft that goes into its place.

    Where the file is deleted, the draft is where it is put aside. All places are relative to the root of the plan.
    """

    path: str
    draft: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class TakenAway:
    """A directory to take away, where it is put aside, and all that may be in it: fingerprint and kind by path."""

    target: str
    aside: str
    files: Mapping[str, tuple[str, str]]
    litter: tuple[str, ...]

    def is_expected(self, removal: Removal) -> bool:
        """Tell whether the directory, as `removal` found it, holds what it held when the plan was made."""
        return removal.files.keys() == self.files.keys() and all(
            _print(removal.files[name]) == tuple(entry) for name, entry in self.files.items()
        )


@dataclass(frozen=True)
class Journal:
    """What a run has set out to do; before `committing` it has changed nothing outside its stage."""

    committing: bool
    moves: tuple[Move, ...]
    registrations: tuple[Registration, ...]
    homes: tuple[str, ...]
    """The directories to remove when all is done: the stage, and its like on other file systems."""
    changes: tuple[Change, ...] = ()
    removals: tuple[TakenAway, ...] = ()
    unregistrations: tuple[Registration, ...] = ()

    @classmethod
    def of(cls, plan: Plan, staged: Mapping[Path, Path], homes: Iterable[Path], *, committing: bool) -> "Journal":
        """Return the journal for a plan whose trees, edits and removals are staged where `staged` says, by target.

        A registration is made anew in the root file as it is by then, so that file's edit is not among the changes.
        """

        def place(path: Path) -> str:
            return os.path.relpath(path, plan.root)

        def change(edit: Edit) -> Change:
            return Change(place(edit.path), place(staged[edit.path]), digest(edit.before), digest(edit.after))

        def taken(removal: Removal) -> TakenAway:
            files = {name: _print(content) for name, content in removal.files.items()}
            return TakenAway(place(removal.target), place(staged[removal.target]), files, tuple(sorted(removal.litter)))

        return cls(
            committing,
            moves=tuple(Move(place(staged[tree.target]), place(tree.target)) for tree in plan.trees),
            registrations=plan.registrations if plan.is_registering else (),
            homes=tuple(map(place, homes)),
            changes=tuple(map(change, plan.plain_edits)),
            removals=tuple(map(taken, plan.removals)),
            unregistrations=plan.unregistrations if plan.is_registering else (),
        )

    @property
    def verb(self) -> str:
        """What is to happen to the drivers in the root file, for messages."""
        return "registered" if self.registrations else "unregistered"

    @property
    def title(self) -> str:
        """The targets, for messages."""
        targets = [*(move.target for move in self.moves), *(one.target for one in self.removals)]
        targets += [change.path for change in self.changes]
        return ", ".join(targets or [one.directory for one in (*self.registrations, *self.unregistrations)])


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
        changes=tuple(Change(**one) for one in data.get("changes", ())),  # version 1.0.0 wrote neither
        removals=tuple(TakenAway(**one) for one in data.get("removals", ())),
        unregistrations=tuple(Registration(**one) for one in data.get("unregistrations", ())),
    )


def drop_journal(stage: Path) -> None:
    """Take the journal away: what the stage still holds is of no use any more."""
    (stage / _NAME).unlink(missing_ok=True)


def _print(content: FileContent) -> tuple[str, str]:
    """Return what tells a file from another: its bytes, and what it is."""
    kind = "symlink" if content.is_link else "executable" if content.is_executable else "file"
    return digest(content.data) or "", kind
