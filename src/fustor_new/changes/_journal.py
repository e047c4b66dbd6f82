"""The journal of one run: what it will change, so that the next run can finish or undo it after a crash."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from fustor_new.changes.content import Print, fingerprint
from fustor_new.changes.plan import Change, Plan

__all__ = ["Journal", "JournalError", "Phase", "Step"]

_VERSION = 3
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


@dataclass(frozen=True)
class Step:
    """One change: its place, and where in a stage it is prepared, or put aside; both relative to the root of the plan.

    `litter` is what is not looked at when a directory is compared.
    """

    path: str
    staged: str
    before: Print
    after: Print
    litter: tuple[str, ...]

    @property
    def puts_aside(self) -> bool:
        """Tell whether what is there is to be put aside, with nothing coming in its place."""
        return self.after is None

    @property
    def is_of_directory(self) -> bool:
        """Tell whether a directory comes or goes."""
        return isinstance(self.before, Mapping) or isinstance(self.after, Mapping)


@dataclass(frozen=True)
class Journal:
    """What a run has set out to do below `root`."""

    root: str
    stage: str
    """The name that all its staging directories have."""
    phase: Phase
    steps: tuple[Step, ...]
    homes: tuple[str, ...]
    """The directories to remove when all is done: the stage, and its like on other file systems."""

    @classmethod
    def of(cls, plan: Plan, staged: Mapping[Path, Path], homes: Iterable[Path], phase: Phase) -> "Journal":
        """Return the journal for a plan whose changes are staged where `staged` says, by their paths."""

        def place(path: Path) -> str:
            return path.relative_to(plan.root).as_posix()

        def step(change: Change) -> Step:
            litter = tuple(sorted(getattr(change.before, "litter", ())))
            prints = fingerprint(change.before), fingerprint(change.after)
            return Step(place(change.path), place(staged[change.path]), *prints, litter)

        places = tuple(homes)
        steps, directories = tuple(map(step, plan.changes)), tuple(map(place, places))
        return cls(str(plan.root), places[0].name, phase, steps, directories)

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
            steps=_items(said["steps"], _step),
            homes=_items(said["homes"], _path),
        )
        journal._check_places()
        return journal

    def as_data(self) -> dict[str, Any]:
        """Return the journal as it is written."""
        return {"version": _VERSION, **asdict(self)}

    @property
    def title(self) -> str:
        """What is changed, for messages: directories, or files where there are none."""
        directories = [step.path for step in self.steps if step.is_of_directory]
        return ", ".join(directories or [step.path for step in self.steps])

    def _check_places(self) -> None:
        """Raise JournalError where a staging directory, or something in one, is not this run's own."""
        homes = [PurePosixPath(home) for home in self.homes]
        strange = [home for home in homes if home.name != self.stage or not self.stage.startswith(_STAGE)]
        inside = [PurePosixPath(step.staged) for step in self.steps]
        strange += [path for path in inside if path.parent not in homes]
        if strange:
            raise JournalError(f"{str(strange[0])!r} is not a place in its stage")


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
        raise JournalError(f"{path!r} is not a path below its root")
    return path


def _step(data: object) -> Step:
    said = _mapping(data, Step.__dataclass_fields__)
    prints = _print(said["before"]), _print(said["after"])
    return Step(_path(said["path"]), _path(said["staged"]), *prints, _items(said["litter"], _text))


def _print(data: object) -> Print:
    if isinstance(data, dict):
        return {_path(name): _hash_and_kind(entry) for name, entry in data.items()}
    return None if data is None else _text(data)


def _hash_and_kind(data: object) -> tuple[str, str]:
    match data:
        case [str(found), str(kind)]:
            return found, kind
    raise JournalError(f"it has a {type(data).__name__} in place of a hash")
