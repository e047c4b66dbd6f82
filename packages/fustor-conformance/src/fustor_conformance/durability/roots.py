"""Where a destination's files are: those of this machine that it names, and those in which a text turns up."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fustor_conformance._reading import eventually
from fustor_conformance.durability.disk import Files, files_below
from fustor_conformance.outcome import NotApplicable
from fustor_conformance.worlds import PusherWorld

__all__ = ["Roots", "came_later", "directory_of", "roots_of"]

_MOST_FILES, _MOST_BYTES = 1_000, 32 << 20
_LONGEST_PATH = 1_000
_RECENT_SEC = 30.0
_MOST_BYTES_EACH = 256 << 20
_PATIENCE_SEC = 1.5


@dataclass(frozen=True)
class Roots:
    """Directories, and files with all whose names begin as theirs do; `others` were there before the driver was."""

    paths: tuple[Path, ...]
    others: frozenset[Path]

    @property
    def names(self) -> list[str]:
        """As text."""
        return list(map(str, self.paths))

    def files(self) -> list[Path]:
        """The files that are there now."""
        return list(files_below(self.paths))

    def put_back(self, files: Files) -> None:
        """Let the destination have exactly these files; what was there before it stays."""
        for path in self.files():
            if str(path) not in files and path not in self.others:
                path.unlink()
        for name, data in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)


def roots_of(world: PusherWorld) -> Roots:
    """Where the destination's files are: what the configuration names, and the World's own temporary directory.

    Raises:
        NotApplicable: nothing there is a path of this machine, it is too much to look through, or it is held open.
    """
    named = filter(None, map(_as_path, _texts(world.config())))
    values = (value for value in vars(world).values() if isinstance(value, str | Path | tempfile.TemporaryDirectory))
    held = filter(None, (_as_path(getattr(value, "name", value)) for value in values))
    wanted = {_around(path) for path in named} | {path for path in held if path.is_dir() and _is_temporary(path)}
    paths = tuple(path for path in sorted(wanted) if not any(other in path.parents for other in wanted))
    if not paths:
        raise NotApplicable("Neither the configuration nor the World names files of this machine")
    there = list(files_below(paths))
    if len(there) > _MOST_FILES or sum(path.stat().st_size for path in there) > _MOST_BYTES:
        raise NotApplicable(f"There are too many files in {', '.join(map(str, paths))} already to watch them")
    if held_open := [path for path in _own_files() if any(path.is_relative_to(root) for root in paths)]:
        raise NotApplicable(f"The World keeps {held_open[0].name!r} open: no power cut can be played under it")
    return Roots(paths, frozenset(there))


def _own_files() -> Iterator[Path]:
    opened = Path("/proc/self/fd")
    if opened.exists():
        yield from (link.readlink() for link in opened.iterdir() if link.is_symlink())


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _as_path(text: object) -> Path | None:
    bare = str(text).partition("?")[0].rpartition("://")[2]
    path = Path("/" + bare.lstrip("/")) if bare.startswith("/") else Path(bare)
    return path.resolve() if path.is_absolute() and "\0" not in bare and len(bare) < _LONGEST_PATH else None


def _is_temporary(path: Path) -> bool:
    """Whether it lies in the directory for temporary files, and so is a World's own."""
    return Path(tempfile.gettempdir()).resolve() in path.parents


def _around(path: Path) -> Path:
    """The directory itself; of a file, the temporary directory that it is in, or else the file with its neighbours."""
    directory = path
    while not directory.is_dir():
        directory = directory.parent
    return directory if directory == path or _is_temporary(directory) else path


def directory_of(canary: str) -> Path | None:
    """The directory of the file in which another process writes this text within a moment, where one is readable."""
    found: list[Path] = []

    def is_found() -> bool:
        found.extend(path.parent for path in _written_by_others() if _holds(path, canary))
        return bool(found)

    return found[0] if eventually(is_found, _PATIENCE_SEC) else None


def came_later(canary: str, directory: Path) -> bool:
    """Whether no file of this directory holds the text now, and one does within a moment."""
    return not _is_in(directory, canary) and eventually(lambda: _is_in(directory, canary), _PATIENCE_SEC)


def _is_in(directory: Path, canary: str) -> bool:
    return any(_holds(path, canary) for path in _recent(directory.iterdir()))


def _written_by_others() -> Iterator[Path]:
    """The files that processes of this user have open and that were written lately."""
    links = Path("/proc").glob("[0-9]*/fd/*")
    seen = set()
    with suppress(OSError):  # of processes that end meanwhile, and of other users
        for link in links:
            with suppress(OSError):
                seen.add(link.readlink())
    yield from _recent(path for path in seen if path.is_absolute() and not str(path).startswith(("/proc", "/dev")))


def _recent(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            if path.is_file() and status.st_size <= _MOST_BYTES_EACH and time.time() - status.st_mtime < _RECENT_SEC:
                yield path


def _holds(path: Path, canary: str) -> bool:
    try:
        return canary.encode() in path.read_bytes()
    except OSError:
        return False
