"""The files of a package around the code."""

from collections.abc import Iterator
from pathlib import Path

__all__ = ["iter_files"]

_LEFT_BY_TOOLS = {"__pycache__", "build", "dist", "node_modules"}
_DEEPEST = 100


def iter_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a package, without hidden directories and what tools leave behind."""
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        for path in sorted(here.iterdir(), reverse=True):
            if path.is_dir() and not path.is_symlink():
                is_left = path.name.startswith(".") or path.name in _LEFT_BY_TOOLS or path.suffix == ".egg-info"
                if not is_left and depth < _DEEPEST:
                    waiting.append((path, depth + 1))
            elif path.is_file():
                yield path
