"""What lies on the disk around the code: files as git sees them, and what interrupted runs have left."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

__all__ = ["iter_files", "known_to_git", "tracked_by_git"]

_LEFT_BY_TOOLS = {"__pycache__", "build", "dist", "node_modules"}


def iter_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a package, without hidden directories and what tools leave behind."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if not path.name.startswith(".") and path.name not in _LEFT_BY_TOOLS and path.suffix != ".egg-info":
                yield from iter_files(path)
        elif path.is_file():
            yield path


def tracked_by_git(folder: Path) -> list[str]:
    """Return the paths below `folder` that git tracks; none outside a repository."""
    return _listed(folder) or []


def known_to_git(folder: Path) -> list[str]:
    """Return the paths below `folder` that git does not ignore; every file outside a repository."""
    listed = _listed(folder, "--cached", "--others", "--exclude-standard")
    if listed is not None:
        return listed
    found = (Path(here) / name for here, _, names in os.walk(folder) for name in names)
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _listed(folder: Path, *options: str) -> list[str] | None:
    if not any((path / ".git").exists() for path in (folder, *folder.parents)):
        return None
    try:
        done = subprocess.run(["git", "ls-files", "-z", *options], cwd=folder, capture_output=True, check=False)
    except OSError:  # no git on this machine
        return None
    return done.stdout.decode(errors="surrogateescape").split("\0")[:-1] if done.returncode == 0 else None
