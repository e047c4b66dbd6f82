"""A uv workspace as its root `pyproject.toml` describes it, and what belongs to it by uv's own rules."""

import os
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from fustor_new._reading import read_bytes
from fustor_new._toml import parse_toml
from fustor_new.errors import EnvironmentProblem, WorkspaceError
from fustor_new.package.descriptions import read_project
from fustor_new.package.metadata import Metadata
from fustor_new.workspace import patterns

__all__ = ["CHOICES", "Membership", "Standing", "Workspace"]

CHOICES = "name the root of another with --workspace DIR"
_READINGS = {"members": patterns.including, "exclude": patterns.excluding}


class Standing(Enum):
    """How uv sees a path."""

    LISTED = "listed"
    COVERED = "covered"
    EXCLUDED = "excluded"
    ABSENT = "absent"


@dataclass(frozen=True)
class Membership:
    """Whether a path belongs to the workspace, and the pattern that decides it ("" when absent)."""

    standing: Standing
    pattern: str = ""

    @property
    def is_member(self) -> bool:
        """Tell whether uv takes a package at the path as a member."""
        return self.standing in {Standing.LISTED, Standing.COVERED}


@dataclass(frozen=True)
class Workspace:
    """A workspace's root: the bytes of its `pyproject.toml` and what they say."""

    root: Path
    text: bytes
    data: Mapping[str, Any]
    members: tuple[str, ...]
    exclude: tuple[str, ...]

    @classmethod
    def load(cls, root: Path) -> "Workspace":
        """Read `root`/pyproject.toml; a missing workspace table reads as an empty one. Raises WorkspaceError."""
        path = root / "pyproject.toml"
        try:
            text = read_bytes(path)
        except OSError as err:
            raise WorkspaceError(f"Cannot read {str(path)!r} ({err.strerror}); {CHOICES}") from err
        return cls.parse(root, text)

    @classmethod
    def parse(cls, root: Path, text: bytes) -> "Workspace":
        """Return the workspace that `text` describes for the directory `root`. Raises WorkspaceError."""
        path = str(root / "pyproject.toml")
        data = parse_toml(text, path)
        table = _table(data, path, "tool", "uv", "workspace")
        if _table(data, path, "tool", "uv").get("managed") is False:
            raise WorkspaceError(f"{path!r} says `managed = false`, so uv ignores it; remove that, or {CHOICES}")
        members = _patterns(table, path, "members")
        return cls(root.resolve(), text, data, members, _patterns(table, path, "exclude"))

    @property
    def path(self) -> Path:
        """The root's `pyproject.toml`."""
        return self.root / "pyproject.toml"

    @property
    def is_declared(self) -> bool:
        """Tell whether the root has a workspace table at all."""
        return "workspace" in self.data.get("tool", {}).get("uv", {})

    def membership(self, path: Path | str) -> Membership:
        """Return how uv takes `path` (absolute, or relative to the root), be there a package yet or not."""
        absolute = os.path.normpath(self.root / path)
        for pattern, glob in self._excluding:
            if glob(absolute):
                return Membership(Standing.EXCLUDED, pattern)
        if absolute in self._listed:
            return Membership(Standing.LISTED, self._listed[absolute])
        found = [pattern for pattern, glob in self._covering if glob(absolute)]
        plain = [
            pattern
            for pattern in found
            if patterns.escape(_relative(absolute, self.root)) == patterns.normalized(pattern)
        ]
        if plain:
            return Membership(Standing.LISTED, plain[0])
        return Membership(Standing.COVERED, found[0]) if found else Membership(Standing.ABSENT)

    @cached_property
    def directories(self) -> tuple[str, ...]:
        """Every directory that the members name or find, relative to the root; one that is named need not be there."""
        found = {directory for pattern in self.members for directory in self._expand(pattern)}
        return tuple(directory for directory in sorted(found) if self.membership(directory).is_member)

    @cached_property
    def packages(self) -> tuple[Metadata, ...]:
        """The members on disk, without the root itself and what is not managed, in the order of their directories."""
        found = (self.package(directory) for directory in self.directories)
        return tuple(one for one in found if one and one.is_managed)

    @property
    def readable_packages(self) -> Iterator[Metadata]:
        """The same without those that cannot be read."""
        for directory in self.directories:
            with suppress(WorkspaceError, EnvironmentProblem):
                if (found := self.package(directory)) and found.is_managed:
                    yield found

    def package(self, path: Path | str) -> Metadata | None:
        """Return what the package in a directory says of itself, read once; None where there is none.

        Raises:
            WorkspaceError: its `pyproject.toml` is not TOML.
            EnvironmentProblem: it cannot be read.
        """
        folder = Path(os.path.normpath(self.root / path))
        if folder not in self._read:
            self._read[folder] = read_project(folder)
        return self._read[folder]

    def relative(self, path: Path | str) -> str:
        """Return how the root file spells a directory: relative to the root, `/`-separated."""
        return _relative(os.path.normpath(self.root / path), self.root)

    @cached_property
    def _read(self) -> dict[Path, Metadata | None]:
        return {}

    @cached_property
    def _excluding(self) -> tuple[tuple[str, patterns.Glob], ...]:
        return tuple((pattern, patterns.excluding(self.root, pattern)) for pattern in self.exclude)

    @cached_property
    def _covering(self) -> tuple[tuple[str, patterns.Glob], ...]:
        magic = (pattern for pattern in self.members if patterns.has_magic(pattern))
        return tuple((pattern, patterns.including(self.root, pattern)) for pattern in magic)

    @cached_property
    def _listed(self) -> Mapping[str, str]:
        """The patterns that name one directory, by its absolute path; of several, the first."""
        plain = [pattern for pattern in self.members if not patterns.has_magic(pattern)]
        return {os.path.normpath(self.root / pattern): pattern for pattern in reversed(plain)}

    def _expand(self, pattern: str) -> Iterator[str]:
        """Yield the directories below the root that a member pattern finds on disk."""
        if not patterns.has_magic(pattern):
            yield _relative(os.path.normpath(self.root / pattern), self.root)
            return
        includes = patterns.including(self.root, pattern)
        stem = os.path.normpath(
            self.root / pattern.partition("*")[0].partition("?")[0].partition("[")[0].rpartition("/")[0]
        )
        depth = None if "**" in pattern else patterns.normalized(pattern).count("/") + 1
        for path in _directories(Path(stem), self.root, depth):
            if includes(str(path)):
                yield _relative(str(path), self.root)


def _table(data: Mapping[str, Any], path: str, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        data = data.get(key, {})
        if not isinstance(data, dict):
            raise WorkspaceError(
                f"{'.'.join(keys)!r} in {path!r} is {reprlib.repr(data)}, not a table; repair it first"
            )
    return data


def _patterns(table: Mapping[str, Any], path: str, key: str) -> tuple[str, ...]:
    listed = table.get(key, [])
    if not isinstance(listed, list) or not all(isinstance(pattern, str) for pattern in listed):
        raise WorkspaceError(
            f"Workspace `{key}` in {path!r} is {reprlib.repr(listed)}, not a list of strings; repair it first"
        )
    for pattern in filter(patterns.has_magic, listed):
        try:
            _READINGS[key](Path("/"), pattern)
        except patterns.PatternError as err:
            raise WorkspaceError(f"Workspace `{key}` in {path!r} has the bad pattern {pattern!r} ({err})") from err
    return tuple(listed)


def _relative(path: str, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _directories(folder: Path, root: Path, depth: int | None) -> Iterator[Path]:
    """Yield the directories below `folder`, at most `depth` components below `root`."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if depth is not None and len(here.parts) - len(root.parts) >= depth:
            continue
        try:
            with os.scandir(here) as entries:
                found = [Path(entry.path) for entry in entries if entry.is_dir()]
        except (OSError, ValueError):  # no such folder, none that can be, or one that uv could not list either
            continue
        found = [entry for entry in found if entry.name not in {".git", ".venv", "node_modules", "__pycache__"}]
        yield from found
        waiting += (entry for entry in found if not entry.is_symlink())
