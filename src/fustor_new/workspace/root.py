"""A uv workspace as its root `pyproject.toml` describes it, and what belongs to it by uv's own rules."""

import os
import re
import reprlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fustor_new._reading import is_file, read_bytes
from fustor_new.errors import NameRefused, WorkspaceError
from fustor_new.names import Names, normalize
from fustor_new.workspace import _glob
from fustor_new.workspace._lists import find, get, requirement, requirement_lists

__all__ = ["GROUPS", "Driver", "Membership", "Verdict", "Workspace", "find_workspace", "read_member"]

_BOM = b"\xef\xbb\xbf"
_LONG_KEY = re.compile(rb"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
_CHOICES = "use --standalone for a package of its own, or --workspace DIR to name the root"
_READINGS = {"members": _glob.including, "exclude": _glob.excluding}
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "fustor.drivers.sources": "source",
        "fustor.drivers.pushers": "pusher",
        "fustor_agent.drivers.sources": "source",
        "fustor_agent.sources": "source",
        "fustor_agent.drivers.pushers": "pusher",
    }
)
"""Every entry-point group in which a host looks for drivers, and the kind that it expects there."""


class Verdict(Enum):
    """How uv sees a path."""

    LISTED = "listed"
    COVERED = "covered"
    EXCLUDED = "excluded"
    ABSENT = "absent"


@dataclass(frozen=True)
class Membership:
    """Whether a path belongs to the workspace, and the pattern that decides it ("" when absent)."""

    verdict: Verdict
    pattern: str = ""

    @property
    def is_member(self) -> bool:
        """Tell whether uv takes a package at the path as a member."""
        return self.verdict in {Verdict.LISTED, Verdict.COVERED}


@dataclass(frozen=True)
class Driver:
    """A package on disk: its directory relative to the root, its distribution and its drivers' entry points."""

    directory: str
    distribution: str = ""
    entry_points: frozenset[tuple[str, str]] = frozenset()
    """Pairs of kind and entry-point name."""
    is_managed: bool = True
    """Whether uv has anything to do with it: `managed = false` takes a package out of its workspace."""
    requires: frozenset[str] = frozenset()
    """Normalized names of what it requires, in any list, and takes from no source of its own."""
    requires_python: str = ""


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
            raise WorkspaceError(f"Cannot read {str(path)!r} ({err.strerror}); {_CHOICES}") from err
        return cls.parse(root, text)

    @classmethod
    def parse(cls, root: Path, text: bytes) -> "Workspace":
        """Return the workspace that `text` describes for the directory `root`. Raises WorkspaceError."""
        path = str(root / "pyproject.toml")
        data = parse_toml(text, path)
        table = _table(data, path, "tool", "uv", "workspace")
        if _table(data, path, "tool", "uv").get("managed") is False:
            raise WorkspaceError(f"{path!r} says `managed = false`, so uv ignores it; remove that, or {_CHOICES}")
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

    def verdict(self, path: Path | str) -> Membership:
        """Return uv's verdict on `path` (absolute, or relative to the root), be there a package yet or not."""
        absolute = os.path.normpath(self.root / path)
        for pattern, glob in self._excluding:
            if glob.matches(absolute):
                return Membership(Verdict.EXCLUDED, pattern)
        if absolute in self._listed:
            return Membership(Verdict.LISTED, self._listed[absolute])
        found = [pattern for pattern, glob in self._covering if glob.matches(absolute)]
        plain = [
            pattern for pattern in found if _glob.escape(_relative(absolute, self.root)) == _glob.normalized(pattern)
        ]
        if plain:
            return Membership(Verdict.LISTED, plain[0])
        return Membership(Verdict.COVERED, found[0]) if found else Membership(Verdict.ABSENT)

    @cached_property
    def directories(self) -> tuple[str, ...]:
        """Every directory that the members name or find, relative to the root; one that is named need not be there."""
        found = {directory for pattern in self.members for directory in self._expand(pattern)}
        return tuple(directory for directory in sorted(found) if self.verdict(directory).is_member)

    @cached_property
    def packages(self) -> tuple[Driver, ...]:
        """The members on disk, without the root itself and what is not managed, in the order of their directories."""
        return tuple(driver for driver in self._on_disk if driver.is_managed)

    @cached_property
    def _on_disk(self) -> tuple[Driver, ...]:
        return tuple(driver for directory in self.directories if (driver := read_member(self.root, directory)))

    @cached_property
    def _excluding(self) -> tuple[tuple[str, _glob.Glob], ...]:
        return tuple((pattern, _glob.excluding(self.root, pattern)) for pattern in self.exclude)

    @cached_property
    def _covering(self) -> tuple[tuple[str, _glob.Glob], ...]:
        magic = (pattern for pattern in self.members if _glob.has_magic(pattern))
        return tuple((pattern, _glob.including(self.root, pattern)) for pattern in magic)

    @cached_property
    def _listed(self) -> Mapping[str, str]:
        """The patterns that name one directory, by its absolute path; of several, the first."""
        plain = [pattern for pattern in self.members if not _glob.has_magic(pattern)]
        return {os.path.normpath(self.root / pattern): pattern for pattern in reversed(plain)}

    def existing_drivers(self) -> tuple[Driver, ...]:
        """Return the members on disk, those that are only listed, and whatever else lies in `extensions/`."""
        listed = [_glob.normalized(pattern) for pattern in self.members if not _glob.has_magic(pattern)]
        seen = {directory: Driver(directory) for directory in listed}
        seen |= {driver.directory: driver for driver in self._on_disk}
        folder = self.root / "extensions"
        for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
            directory = f"extensions/{entry.name}"
            if not (directory in seen and seen[directory].distribution) and not entry.name.startswith("."):
                seen[directory] = read_member(self.root, directory) or Driver(directory)
        return tuple(seen.values())

    def check_free(self, names: Names, directory: str | None = None) -> None:
        """Raise NameRefused when a driver of that name is here under another spelling or in another place.

        The same distribution in the same directory is no fault: it may be the same command, run again.
        """
        target = directory or names.directory
        for driver in self.existing_drivers():
            if driver.directory != target and (clash := _clash(driver, names, target)):
                raise NameRefused(
                    f"Driver name {names.name!r} is taken: {driver.directory!r} {clash}; "
                    f"choose another name, or remove that package first"
                )

    def _expand(self, pattern: str) -> Iterator[str]:
        """Yield the directories below the root that a member pattern finds on disk."""
        if not _glob.has_magic(pattern):
            yield _relative(os.path.normpath(self.root / pattern), self.root)
            return
        expression = _glob.including(self.root, pattern)
        stem = os.path.normpath(
            self.root / pattern.partition("*")[0].partition("?")[0].partition("[")[0].rpartition("/")[0]
        )
        depth = None if "**" in pattern else _glob.normalized(pattern).count("/") + 1
        for path in _directories(Path(stem), self.root, depth):
            if expression.matches(str(path)):
                yield _relative(str(path), self.root)


def find_workspace(start: Path) -> Workspace:
    """Return the workspace around `start`, found the way uv finds it. Raises WorkspaceError with the choices."""
    here = start.resolve()
    nearest: Path | None = None
    for folder in (here, *here.parents):
        if not (folder / "pyproject.toml").is_file():
            continue
        workspace = Workspace.load(folder)
        if workspace.is_declared:
            if nearest and not workspace.verdict(nearest).is_member:
                break
            return workspace
        if nearest:
            break
        nearest = folder
    if nearest:
        raise WorkspaceError(f"{str(nearest / 'pyproject.toml')!r} belongs to no uv workspace; {_CHOICES}")
    raise WorkspaceError(f"No pyproject.toml of a uv workspace at or above {str(here)!r}; {_CHOICES}")


def parse_toml(text: bytes, path: str) -> dict[str, Any]:
    """Return what TOML `text` says, with or without a byte order mark. Raises WorkspaceError that names `path`."""
    if _LONG_KEY.search(text):  # the library takes time and room by the square of it
        raise WorkspaceError(f"Cannot read {path!r} as TOML (it has a key of more than 64 parts); repair it first")
    try:
        return tomllib.loads(text.removeprefix(_BOM).decode())
    except RecursionError as err:
        raise WorkspaceError(f"Cannot read {path!r} as TOML (it is nested too deeply); repair it first") from err
    except ValueError as err:  # no TOML, no UTF-8, or a number that Python does not take
        raise WorkspaceError(f"Cannot read {path!r} as TOML ({err}); repair it first") from err


def _table(data: Mapping[str, Any], path: str, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        data = data.get(key, {})
        if not isinstance(data, dict):
            raise WorkspaceError(f"{'.'.join(keys)!r} in {path!r} is {reprlib.repr(data)}, no table; repair it first")
    return data


def _patterns(table: Mapping[str, Any], path: str, key: str) -> tuple[str, ...]:
    patterns = table.get(key, [])
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise WorkspaceError(
            f"Workspace `{key}` in {path!r} is {reprlib.repr(patterns)}, no list of strings; repair it first"
        )
    for pattern in filter(_glob.has_magic, patterns):
        try:
            _READINGS[key](Path("/"), pattern)
        except _glob.PatternError as err:
            raise WorkspaceError(f"Workspace `{key}` in {path!r} has the bad pattern {pattern!r} ({err})") from err
    return tuple(patterns)


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


def read_member(root: Path, directory: str) -> Driver | None:
    """Return the package in a directory of the workspace, None where there is no `pyproject.toml`."""
    path = root / directory / "pyproject.toml"
    if not is_file(path):
        return None
    try:
        data = parse_toml(read_bytes(path), str(path))
    except OSError as err:
        raise WorkspaceError(f"Cannot read {str(path)!r} ({err.strerror}); remedy that and run again") from err
    project = get(data, ("project",))
    groups = get(project, ("entry-points",))
    points = {(kind, name) for group, kind in GROUPS.items() for name in get(groups, (group,))}
    named = {requirement(text) for _, listed in requirement_lists(data) for text in listed}
    return Driver(
        directory,
        str(project.get("name", "")),
        frozenset(points),
        is_managed=find(data, ("tool", "uv", "managed")) is not False,
        requires=frozenset(named - {normalize(name) for name in get(data, ("tool", "uv", "sources"))}),
        requires_python=str(project.get("requires-python", "")),
    )


def _clash(driver: Driver, names: Names, target: str) -> str:
    if normalize(driver.directory) == normalize(target):
        return "is the same directory in another spelling"
    if driver.distribution and normalize(driver.distribution) == normalize(names.distribution):
        return f"holds the distribution {driver.distribution!r}"
    taken = [
        name
        for kind, name in driver.entry_points
        if kind == names.kind and normalize(name) == normalize(names.entry_point)
    ]
    return f"holds the {names.kind} entry point {taken[0]!r}" if taken else ""
