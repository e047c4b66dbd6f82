"""What the kit does by itself to a World that is a local directory: all that a directory can go through."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from fustor_conformance.monitor import watched_hands
from fustor_conformance.worlds import SourceWorld
from fustor_conformance.worlds.trees import Directory

_OLD = 1_000_000_000.25
"""A time long past, which is a double to the last digit."""


class DirectoryHands(Directory):
    """Changes a directory without the World's help. Paths are those that rows carry; keys lie below the root."""

    _piece = b"kit"

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def fit(cls, uri: str, world: SourceWorld) -> bool:
        """Whether what the World makes is in the directory at `uri`, and what the kit makes there is in its list.

        There may be files that are not listed, such as what the configuration leaves out, and names spelled otherwise.
        """
        root = local_directory(uri)
        if root is None:
            return False
        made, hands = world.create("kit-by-the-world"), cls(root)
        return hands.reaches(made) and {made, hands.empty("kit-by-hand")} <= world.list().keys()

    def reaches(self, path: str) -> bool:
        """Whether the path of a row is also the place below the root, as that of an ordinary name is."""
        return os.path.lexists(self.place_of(path))

    def touch(self, path: str) -> None:
        """Another time, the same bytes: now and long ago in turn."""
        self._serial += 1
        os.utime(self.place_of(path), (_OLD + self._serial,) * 2 if self._serial % 2 else None)

    def empty(self, key: str) -> str:
        """A new file of no bytes."""
        place = self._new(key)
        place.touch(exist_ok=False)
        return self.path_of(place)

    def truncate(self, path: str) -> None:
        """No bytes any more: opened for writing, and closed."""
        self.place_of(path).write_bytes(b"")

    def replace(self, path: str) -> None:
        """Another file in its place, in one step."""
        with self._aside() as aside:
            self._write(aside / "new")
            (aside / "new").replace(self.place_of(path))

    def move_in(self, key: str) -> str:
        """A file that was made elsewhere."""
        place = self._new(key)
        with self._aside() as aside:
            self._write(aside / "new")
            (aside / "new").rename(place)
        return self.path_of(place)

    def move_in_container(self, key: str) -> str:
        """A directory that was made elsewhere, with files in it on two levels."""
        place = self._new(key)
        with self._aside() as aside:
            (aside / "new" / "inner").mkdir(parents=True)
            self._write(aside / "new" / "file")
            self._write(aside / "new" / "inner" / "file")
            (aside / "new").rename(place)
        return self.path_of(place)

    def move_out(self, path: str) -> None:
        """To elsewhere, with all that is below it."""
        with self._aside() as aside:
            self.place_of(path).rename(aside / "gone")

    def make_container(self, key: str) -> str:
        """An empty directory."""
        place = self._new(key)
        place.mkdir()
        return self.path_of(place)

    def become_container(self, path: str) -> None:
        """A file gives way to an empty directory."""
        place = self.place_of(path)
        place.unlink()
        place.mkdir()

    def renew(self, path: str) -> None:
        """A directory gives way to a new one, with the same things in it."""
        with self._aside() as aside:
            place = self.place_of(path)
            (aside / "new").mkdir()
            for inside in sorted(place.iterdir()):
                inside.rename(aside / "new" / inside.name)
            place.rmdir()
            (aside / "new").rename(place)

    def swap(self, path: str, other: str) -> None:
        """Two things exchange their names."""
        with self._aside() as aside:
            first, second = self.place_of(path), self.place_of(other)
            first.rename(aside / "held")
            second.rename(first)
            (aside / "held").rename(second)

    def clear(self) -> None:
        """Nothing is in the root any more."""
        for place in list(self.root.iterdir()):
            self.delete(self.path_of(place))

    @contextmanager
    def vacant(self) -> Iterator[None]:
        """While the block runs the root is elsewhere, and an empty directory has its name."""
        with self._aside() as aside:
            mode = stat.S_IMODE(self.root.stat().st_mode)
            self.root.rename(aside / "held")
            self.root.mkdir()
            self.root.chmod(mode)
            try:
                yield
            finally:
                self.root.rename(aside / "vacant")
                (aside / "held").rename(self.root)

    @contextmanager
    def write_slowly(self, key: str) -> Iterator[str]:
        """A file that is open for writing while the block runs; it has grown at the end."""
        place = self._new(key)
        with place.open("wb", buffering=0) as file:
            file.write(b"begun")
            yield self.path_of(place)
            file.write(b" and done")

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        """A directory beside the root, on the same file system, which is not part of the source."""
        with TemporaryDirectory(prefix="fustor-kit-", dir=self.root.parent) as name:
            yield Path(name)


def local_directory(uri: str) -> Path | None:
    """The existing directory that a configuration's address names, if it names one."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        return None
    place = Path(unquote(parts.path, errors="surrogateescape"))
    return place if place.is_absolute() and place.is_dir() else None


def hands_if_tree(world: SourceWorld, uri: str) -> DirectoryHands | None:
    """The kit's own hands, where this World is a local directory; two things are made in it to find out."""
    root = local_directory(uri)
    return watched_hands(DirectoryHands(root)) if root is not None and DirectoryHands.fit(uri, world) else None


def hands_of(world: SourceWorld, uri: str, *, tree: bool) -> list[Any]:
    """Who can do more to the World than its protocol asks: the World itself first, then the kit where it is a tree."""
    root = local_directory(uri) if tree else None
    return [world, *([watched_hands(DirectoryHands(root))] if root is not None else [])]
