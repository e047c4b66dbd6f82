"""The files below a directory, found without recursion: a checkout may be nested deeper than Python's stack."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["walk"]

_DEEPEST = 200


def walk(folder: Path, enters: Callable[[str], bool]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield all below `folder` but directories, with its path below it, leaving out directories that `enters` refuses.

    Symlinks are not followed. Raises OSError where a directory cannot be listed, or lies too deep.
    """
    waiting = [(os.fspath(folder), "", 0)]
    while waiting:
        here, prefix, depth = waiting.pop()
        if depth > _DEEPEST:
            raise OSError(errno.ELOOP, f"more than {_DEEPEST} directories deep", here)
        with os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if not entry.is_dir(follow_symlinks=False):
                    yield f"{prefix}{entry.name}", entry
                elif enters(entry.name):
                    waiting.append((entry.path, f"{prefix}{entry.name}/", depth + 1))
