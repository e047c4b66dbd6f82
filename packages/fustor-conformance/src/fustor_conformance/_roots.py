"""Where a destination's files are, and how they are put back to an earlier state."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fustor_conformance._disk import Files
from fustor_conformance.outcome import NotApplicable
from fustor_conformance.worlds import PusherWorld

__all__ = ["put_back", "roots_of"]

_EVERYBODYS = frozenset(map(Path, ("/", "/tmp", "/var/tmp", "/dev/shm")))  # noqa: S108 - nothing is written there
_MOST_FILES, _MOST_BYTES = 1_000, 32 << 20
_LONGEST_PATH = 1_000


def roots_of(world: PusherWorld) -> list[Path]:
    """Where the destination's files are: what the configuration names, and the World's own temporary directory.

    Raises:
        NotApplicable: nothing there is a path of this machine, it is too much to look through, or it is held open.
    """
    named = [_as_path(text) for text in _texts(world.config())]
    held = [_as_path(getattr(value, "name", value)) for value in vars(world).values() if _is_pathlike(value)]
    roots = {root for path in named for root in _around(path)} | {path for path in held if path and path.is_dir()}
    kept = [root for root in sorted(roots) if not any(other in root.parents for other in roots)]
    files = [path for root in kept for path in root.rglob("*")]
    if not kept:
        raise NotApplicable("Neither the configuration nor the World names files of this machine")
    if len(files) > _MOST_FILES or sum(path.stat().st_size for path in files if path.is_file()) > _MOST_BYTES:
        raise NotApplicable(f"There are too many files in {', '.join(map(str, kept))} already to watch them")
    if held_open := [path for path in _own_files() if any(path.is_relative_to(root) for root in kept)]:
        raise NotApplicable(f"The World keeps {held_open[0].name!r} open: no power cut can be played under it")
    return kept


def _own_files() -> list[Path]:
    opened = Path("/proc/self/fd")
    return [link.readlink() for link in opened.iterdir() if link.is_symlink()] if opened.exists() else []


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _is_pathlike(value: object) -> bool:
    return isinstance(value, str | Path | tempfile.TemporaryDirectory)


def _as_path(text: object) -> Path | None:
    bare = str(text).partition("?")[0].rpartition("://")[2]
    path = Path("/" + bare.lstrip("/")) if bare.startswith("/") else Path(bare)
    return path.resolve() if path.is_absolute() and "\0" not in bare and len(bare) < _LONGEST_PATH else None


def _around(path: Path | None) -> list[Path]:
    """The directory itself, or the one that a file is in; none that is anybody's."""
    if path is None:
        return []
    directory = path
    while not directory.is_dir():
        directory = directory.parent
    shared = {*_EVERYBODYS, Path.home(), *Path.home().parents, Path(tempfile.gettempdir()).resolve()}
    return [directory] if directory not in shared else [path] if path.is_file() or directory == path.parent else []


def put_back(roots: Sequence[Path], files: Files) -> None:
    """Let there be exactly these files below the roots."""
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and str(path) not in files:
                path.unlink()
    for name, data in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
