"""Where on this machine a text turns up that was just pushed: the files of a server that runs beside the kit."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from fustor_conformance._reading import eventually

__all__ = ["came_later", "directory_of"]

_RECENT_SEC = 30.0
_MOST_BYTES = 256 << 20
_PATIENCE_SEC = 1.5


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
            if path.is_file() and status.st_size <= _MOST_BYTES and time.time() - status.st_mtime < _RECENT_SEC:
                yield path


def _holds(path: Path, canary: str) -> bool:
    try:
        return canary.encode() in path.read_bytes()
    except OSError:
        return False
