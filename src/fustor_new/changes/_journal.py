"""The journal of one run: what it will change, so that the next run can finish or undo it after a crash.

Journals are kept with the user, so that nothing that a checkout brings along is ever taken for one.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from fustor_new._reading import from_home, read_file
from fustor_new.changes.content import Print, fingerprint
from fustor_new.changes.plan import Change, Plan
from fustor_new.errors import EnvironmentProblem

__all__ = [
    "PREFIX",
    "Journal",
    "Phase",
    "Step",
    "drop_drafts",
    "drop_journal",
    "journals_for",
    "state_directory",
    "write_journal",
]

_VERSION = 3
PREFIX = ".fustor-new-"
"""How the name of every stage begins."""

Item = TypeVar("Item")
_LARGEST_BYTES = 64 * 1024 * 1024
_OTHERS = 0o077
_DRAFT = ".new"
_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]+\.json")
_REMEDY = "set XDG_STATE_HOME to a directory of your own"


class _JournalError(ValueError):
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
        """Return the journal that `data` is, as `as_data` makes it. Raises _JournalError."""
        said = _mapping(data, {"version", *cls.__dataclass_fields__})
        if said["version"] != _VERSION:
            raise _JournalError(f"it is of version {said['version']!r}, and this fustor-new reads {_VERSION}")
        if said["phase"] not in set(Phase):
            raise _JournalError(f"'phase' is {said['phase']!r}")
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
        """Raise _JournalError where a staging directory, or something in one, is not this run's own."""
        homes = [PurePosixPath(home) for home in self.homes]
        strange = [home for home in homes if home.name != self.stage or not self.stage.startswith(PREFIX)]
        inside = [PurePosixPath(step.staged) for step in self.steps]
        strange += [path for path in inside if path.parent not in homes]
        if strange:
            raise _JournalError(f"{str(strange[0])!r} is not a place in its stage")


def _mapping(data: object, keys: Iterable[str]) -> dict[str, Any]:
    if not isinstance(data, dict) or data.keys() != set(keys):
        raise _JournalError(f"it has no entry with {', '.join(sorted(keys))}")
    return data


def _items(data: object, read: Callable[[object], Item]) -> tuple[Item, ...]:
    if not isinstance(data, list):
        raise _JournalError(f"it has a {type(data).__name__} in place of a list")
    return tuple(map(read, data))


def _text(data: object) -> str:
    if not isinstance(data, str) or "\0" in data:
        raise _JournalError(f"it has a {type(data).__name__} in place of a text")
    return data


def _path(data: object) -> str:
    """Return a path below the root, however the root is called."""
    path = _text(data)
    if not path or path != PurePosixPath(path).as_posix() or path[0] == "/" or {".", ".."} & set(path.split("/")):
        raise _JournalError(f"{path!r} is not a path below its root")
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
    raise _JournalError(f"it has a {type(data).__name__} in place of a hash")


def state_directory() -> Path:
    """Return where runs note down what they do: in XDG_STATE_HOME, or `~/.local/state`. Raises EnvironmentProblem."""
    said = os.environ.get("XDG_STATE_HOME", "")
    base = Path(said) if said.startswith("/") else from_home("~/.local/state")  # a relative one does not count
    if not base.is_absolute():
        raise EnvironmentProblem(f"No home directory to note in what is to be done; nothing was changed, {_REMEDY}")
    return base / "fustor-new"


def write_journal(journal: Journal) -> None:
    """Write the journal, whole or not at all; it lasts when this returns.

    Raises:
        EnvironmentProblem: there is no place for it which nobody else can write to.
    """
    where = state_directory()
    try:
        _check_apart(where, Path(journal.root))
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened(where) as folder:
            _check_apart(where, Path(journal.root))  # once more: what was not there may have become a symlink
            _write(folder, _name(journal.root, journal.stage), json.dumps(journal.as_data()).encode())
    except OSError as err:
        raise EnvironmentProblem(
            f"Cannot note in {str(where)!r} what is to be done ({err.strerror}); nothing was changed, {_REMEDY}"
        ) from err


def drop_journal(journal: Journal) -> None:
    """Take the journal away: the run is over."""
    with suppress(FileNotFoundError), _opened(state_directory()) as folder:
        os.unlink(_name(journal.root, journal.stage), dir_fd=folder)


def drop_drafts(root: Path) -> None:
    """Take away the journals that killed runs in `root` had not written to their end; its lock is held."""
    with suppress(OSError, EnvironmentProblem), _opened(state_directory()) as folder:
        for name in os.listdir(folder):  # noqa: PTH208 - of an open directory
            if name.startswith(_key(str(root))) and name.endswith(_DRAFT):
                os.unlink(name, dir_fd=folder)


def journals_for(folder: Path) -> Iterator[Journal | str]:
    """Yield the journals of runs in `folder` or above it; a text instead, for people, where one cannot be read.

    `folder` is a real path. Only the user's own notes are looked at, no directory above.
    """
    roots = {_key(str(root)): root for root in (folder, *folder.parents)}
    try:
        where = state_directory()
        with _opened(where) as state:
            for name in sorted(os.listdir(state)):  # noqa: PTH208 - of an open directory
                if _NAME.fullmatch(name) and (root := roots.get(name[:32])) is not None:
                    _check_apart(where, root)
                    yield _read(state, where / name, str(root))
    except (OSError, EnvironmentProblem):  # whoever may not write there has no run there either
        return


@contextmanager
def _opened(where: Path) -> Iterator[int]:
    """Give the open state directory. Raises EnvironmentProblem where others may have written in it."""
    folder = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
            raise EnvironmentProblem(f"{str(where)!r} is not yours alone; give it mode 0700, or {_REMEDY}")
        yield folder
    finally:
        os.close(folder)


def _check_apart(where: Path, root: Path) -> None:
    """Raise EnvironmentProblem where the state directory is part of the checkout at hand, which anybody may fill."""
    is_checkout = any(os.path.lexists(root / name) for name in (".git", "pyproject.toml"))
    if is_checkout and where.resolve().is_relative_to(root):
        raise EnvironmentProblem(f"{str(where)!r} lies in {str(root)!r}, which others may have filled; {_REMEDY}")


def _write(folder: int, name: str, data: bytes) -> None:
    draft = name + _DRAFT
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        with suppress(FileNotFoundError):  # it has become the journal
            os.unlink(draft, dir_fd=folder)
    os.fsync(folder)


def _read(state: int, path: Path, root: str) -> Journal | str:
    try:
        data, status = read_file(path, limit_bytes=_LARGEST_BYTES, within=state)
        if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
            return _unreadable(path, "it is not yours alone")
        journal = Journal.parse(json.loads(data))
    except (OSError, ValueError, RecursionError) as err:
        return _unreadable(path, err.strerror if isinstance(err, OSError) else err)
    if (journal.root, _name(journal.root, journal.stage)) != (root, path.name):
        return _unreadable(path, "it is about another directory than its name says")
    return journal


def _unreadable(path: Path, why: object) -> str:
    return f"Cannot read {str(path)!r} of an interrupted run ({why}); remove it"


def _name(root: str, stage: str) -> str:
    return f"{_key(root)}-{stage.rpartition('-')[2]}.json"


def _key(root: str) -> str:
    return sha256(os.fsencode(root)).hexdigest()[:32]
