"""The trees that are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FAN = 200


@dataclass(frozen=True)
class Tree:
    """Directories in groups of two hundred, each with the same number of empty files."""

    name: str
    directories: int
    files: int

    def at(self, base: Path) -> Path:
        """Where the tree stands."""
        return base / self.name

    def make(self, base: Path) -> None:
        """Write it."""
        for number in range(self.directories):
            directory = self.at(base) / f"group{number // _FAN:04d}" / f"directory{number:06d}"
            directory.mkdir(parents=True)
            for file in range(self.files):
                (directory / f"file{file:06d}.txt").touch()


TREES = (Tree("A", 2_000, 100), Tree("B", 40_000, 5))
