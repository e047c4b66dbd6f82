"""What stands below a directory, to be compared before and after; git's own directory is left out."""

import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["contents", "state"]


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file, by its path from the folder."""
    return {name: path.read_bytes() for name, path in _below(folder) if path.is_file()}


def state(folder: Path) -> dict[str, object]:
    """All there is, by its path from the folder: modes, bytes and where links lead."""
    return {name: _entry(path) for name, path in _below(folder)}


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if ".git" not in relative.parts:
            yield relative.as_posix(), path


def _entry(path: Path) -> object:
    if path.is_symlink():
        return path.readlink()
    mode = stat.S_IMODE(path.lstat().st_mode)
    return (mode, path.read_bytes()) if path.is_file() else mode
