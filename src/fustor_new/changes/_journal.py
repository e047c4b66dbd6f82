"""The record of what is to come out of a stage, for whoever comes after a crash."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from fustor_new.changes._files import digest
from fustor_new.changes.plan import Edit, FileContent, NewTree, Plan, Registration, Removal

__all__ = ["Change", "Journal", "JournalError", "Move", "Phase", "TakenAway", "fingerprint_of"]

_VERSION = 2
_STAGE = ".fustor-new-"

Item = TypeVar("Item")


class JournalError(ValueError):
    """A journal that says something which no run writes; the message says what."""


class Phase(StrEnum):
    """How far a run has come."""

    STAGING = "staging"
    """It has changed nothing outside its stage."""
    COMMITTING = "committing"
    """It is putting things in place."""
    CLEARING = "clearing"
    """It is done, or has taken everything back; only its stage is left."""


Prints = Mapping[str, tuple[str, str]]
"""Files by path: the hash of their bytes, and what they are."""


@dataclass(frozen=True)
class Move:
    """A staged directory, where it goes (both relative to the root of the plan), and all that is in it."""

    staged: str
    target: str
    files: Prints


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
    """A directory to take away, where it is put aside, and all that may be in it."""

    target: str
    aside: str
    files: Prints
    litter: tuple[str, ...]

    def is_expected(self, removal: Removal) -> bool:
        """Tell whether the directory, as `removal` found it, holds what it held when the plan was made."""
        return {name: fingerprint_of(content) for name, content in removal.files.items()} == self.files


@dataclass(frozen=True)
class Journal:
    """What a run has set out to do below `root`."""

    root: str
    stage: str
    """The name that all its staging directories have."""
    phase: Phase
    moves: tuple[Move, ...]
    registrations: tuple[Registration, ...]
    homes: tuple[str, ...]
    """The directories to remove when all is done: the stage, and its like on other file systems."""
    changes: tuple[Change, ...] = ()
    removals: tuple[TakenAway, ...] = ()
    unregistrations: tuple[Registration, ...] = ()

    @classmethod
    def of(cls, plan: Plan, staged: Mapping[Path, Path], homes: Iterable[Path], phase: Phase) -> "Journal":
        """Return the journal for a plan whose trees, edits and removals are staged where `staged` says, by target.

        A registration is made anew in the root file as it is by then, so that file's edit is not among the changes.
        """

        def place(path: Path) -> str:
            return path.relative_to(plan.root).as_posix()

        def move(tree: NewTree) -> Move:
            return Move(place(staged[tree.target]), place(tree.target), _prints(tree.files))

        def change(edit: Edit) -> Change:
            return Change(place(edit.path), place(staged[edit.path]), digest(edit.before), digest(edit.after))

        def taken(removal: Removal) -> TakenAway:
            litter = tuple(sorted(removal.litter))
            return TakenAway(place(removal.target), place(staged[removal.target]), _prints(removal.files), litter)

        places = tuple(homes)
        return cls(
            root=str(plan.root),
            stage=places[0].name,
            phase=phase,
            moves=tuple(map(move, plan.trees)),
            registrations=plan.registrations if plan.is_registering else (),
            homes=tuple(map(place, places)),
            changes=tuple(map(change, plan.plain_edits)),
            removals=tuple(map(taken, plan.removals)),
            unregistrations=plan.unregistrations if plan.is_registering else (),
        )

    @classmethod
    def parse(cls, data: object) -> "Journal":
        """Return the journal that `data` is, as `as_data` makes it. Raises JournalError."""
        said = _mapping(data, {"version", *cls.__dataclass_fields__})
        if said["version"] != _VERSION:
            raise JournalError(f"it is of version {said['version']!r}, and this fustor-new reads {_VERSION}")
        if said["phase"] not in set(Phase):
            raise JournalError(f"'phase' is {said['phase']!r}")
        journal = cls(
            root=_text(said["root"]),
            stage=_text(said["stage"]),
            phase=Phase(said["phase"]),
            moves=_items(said["moves"], _move),
            registrations=_items(said["registrations"], _registration),
            homes=_items(said["homes"], _path),
            changes=_items(said["changes"], _change),
            removals=_items(said["removals"], _taken),
            unregistrations=_items(said["unregistrations"], _registration),
        )
        journal._check_places()
        return journal

    def as_data(self) -> dict[str, Any]:
        """Return the journal as it is written."""
        return {"version": _VERSION, **asdict(self)}

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

    def _check_places(self) -> None:
        """Raise JournalError where a staging directory, or something in one, is not this run's own."""
        homes = [PurePosixPath(home) for home in self.homes]
        strange = [home for home in homes if home.name != self.stage or not self.stage.startswith(_STAGE)]
        inside = [*(move.staged for move in self.moves), *(change.draft for change in self.changes)]
        inside += [one.aside for one in self.removals]
        strange += [PurePosixPath(one) for one in inside if PurePosixPath(one).parent not in homes]
        if strange:
            raise JournalError(f"{str(strange[0])!r} is no place in its stage")


def fingerprint_of(content: FileContent) -> tuple[str, str]:
    """Return what tells a file from another: its bytes, and what it is."""
    kind = "symlink" if content.is_link else "executable" if content.is_executable else "file"
    return digest(content.data) or "", kind


def _prints(files: Mapping[str, FileContent]) -> Prints:
    return {name: fingerprint_of(content) for name, content in files.items()}


def _mapping(data: object, keys: Iterable[str]) -> dict[str, Any]:
    if not isinstance(data, dict) or data.keys() != set(keys):
        raise JournalError(f"it has no entry with {', '.join(sorted(keys))}")
    return data


def _items(data: object, read: Callable[[object], Item]) -> tuple[Item, ...]:
    if not isinstance(data, list):
        raise JournalError(f"it has a {type(data).__name__} in place of a list")
    return tuple(map(read, data))


def _text(data: object) -> str:
    if not isinstance(data, str) or "\0" in data:
        raise JournalError(f"it has a {type(data).__name__} in place of a text")
    return data


def _path(data: object) -> str:
    """Return a path below the root, however the root is called."""
    path = _text(data)
    if not path or path != PurePosixPath(path).as_posix() or path[0] == "/" or {".", ".."} & set(path.split("/")):
        raise JournalError(f"{path!r} is no path below its root")
    return path


def _hash(data: object) -> str | None:
    return None if data is None else _text(data)


def _files(data: object) -> Prints:
    if not isinstance(data, dict):
        raise JournalError(f"it has a {type(data).__name__} in place of files")
    return {_path(name): _print(entry) for name, entry in data.items()}


def _print(data: object) -> tuple[str, str]:
    match data:
        case [str(found), str(kind)]:
            return found, kind
    raise JournalError(f"it has a {type(data).__name__} in place of a hash")


def _move(data: object) -> Move:
    said = _mapping(data, Move.__dataclass_fields__)
    return Move(_path(said["staged"]), _path(said["target"]), _files(said["files"]))


def _change(data: object) -> Change:
    said = _mapping(data, Change.__dataclass_fields__)
    return Change(_path(said["path"]), _path(said["draft"]), _hash(said["before"]), _hash(said["after"]))


def _taken(data: object) -> TakenAway:
    said = _mapping(data, TakenAway.__dataclass_fields__)
    return TakenAway(_path(said["target"]), _path(said["aside"]), _files(said["files"]), _items(said["litter"], _text))


def _registration(data: object) -> Registration:
    said = _mapping(data, Registration.__dataclass_fields__)
    return Registration(_text(said["directory"]), _text(said["distribution"]))
