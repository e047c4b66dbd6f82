"""What is examined: a workspace's root, and one driver package, each read once and never imported."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from fustor_new.changes.plan import FileContent
from fustor_new.doctor.distributions import Requirements
from fustor_new.doctor.finding import Write
from fustor_new.errors import FustorNewError
from fustor_new.names import Names, derive, normalize
from fustor_new.package.code import Class, Code, External, Missing, Module, Target, read_code
from fustor_new.package.metadata import EntryPoint, Metadata, read_metadata, requirement_name
from fustor_new.template.provenance import Record, is_template_owned, modified_files, read_record, rendered_files
from fustor_new.workspace.root import GROUPS as KIND_OF_GROUP
from fustor_new.workspace.root import Workspace

__all__ = [
    "GROUPS",
    "KIND_OF_GROUP",
    "WORLDS",
    "Package",
    "Point",
    "is_meant_for_hosts",
    "relative",
]

GROUPS = {
    "source": ("fustor.drivers.sources", "fustor_agent.drivers.sources"),
    "pusher": ("fustor.drivers.pushers", "fustor_agent.drivers.pushers"),
}
"""The groups that a driver of each kind is to be found in: the guide host's, and the released agents'."""
WORLDS = "fustor.conformance.worlds"
_ALSO_SCANNED = {"fustor_agent.senders", "fustor_agent.drivers.senders"}
_MEANT = re.compile(r"fustor\.drivers\b|fustor_agent\b|fustor[\w.]*\.(sources?|pushers?|senders?|sinks?|drivers?)\Z")
_DIRECTORY = re.compile(r"(source|pusher)-[a-z0-9-]+")
_DISTRIBUTION = re.compile(r"fustor-(source|pusher)-([a-z0-9-]+)")


@dataclass(frozen=True)
class Point:
    """One entry point of a driver, and what it leads to."""

    kind: str
    entry: EntryPoint
    target: Target

    @property
    def class_name(self) -> str:
        """The name behind the colon."""
        return self.entry.value.partition(":")[2].partition("[")[0].strip()


@dataclass(frozen=True)
class Package:
    """A driver package: `folder` on disk, `shown` in findings, and the workspace that it is a member of, if any."""

    folder: Path
    shown: str
    workspace: Workspace | None = None

    @cached_property
    def _read(self) -> tuple[Metadata, str]:
        try:
            return read_metadata(self.folder), ""
        except FustorNewError as err:
            return Metadata(), str(err)
        except OSError as err:
            return Metadata(), f"Cannot read {err.filename!r} ({err.strerror})"

    @property
    def metadata(self) -> Metadata:
        """What the package says about itself; nothing where that cannot be read."""
        return self._read[0]

    @property
    def fault(self) -> str:
        """Why its metadata cannot be read, or an empty text."""
        return self._read[1]

    @cached_property
    def _recorded(self) -> tuple[Record | None, str]:
        try:
            return read_record(self.folder), ""
        except FustorNewError as err:
            return None, str(err)

    @property
    def record(self) -> Record | None:
        """What it was rendered from; None where that is not recorded or cannot be read."""
        return self._recorded[0]

    @property
    def record_fault(self) -> str:
        """Why its record cannot be read, or an empty text."""
        return self._recorded[1]

    @cached_property
    def code(self) -> Code:
        """Its modules."""
        return read_code(self.folder)

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Its entry points in the groups that hosts scan for drivers."""
        return tuple(
            Point(KIND_OF_GROUP[entry.group], entry, self.target(entry))
            for entry in self.metadata.entry_points
            if entry.group in KIND_OF_GROUP
        )

    @cached_property
    def classes(self) -> tuple[tuple[str, Class], ...]:
        """Its driver classes with their kinds, as far as they are its own and inherit from the contract's base."""
        found = {
            (point.kind, point.target.module.name, point.target.node.name): point.target
            for point in self.points
            if isinstance(point.target, Class) and self.bases_of(point.target) & {f"{point.kind.capitalize()}Driver"}
        }
        return tuple((kind, target) for (kind, _, _), target in found.items())

    @cached_property
    def kind(self) -> str:
        """`source` or `pusher`, from its entry points, else from its name; empty if neither says."""
        if self.points:
            return self.points[0].kind
        named = _DISTRIBUTION.fullmatch(normalize(self.metadata.name)) or _DIRECTORY.fullmatch(self.folder.name)
        return named[1] if named else ""

    @cached_property
    def runtime(self) -> tuple[Module, ...]:
        """The modules that run under a host: all but those that only a `testing` module brings in."""
        starts = {point.entry.value.partition(":")[0].strip() for point in self.points}
        testing = {name for name in self.code.modules if name.rpartition(".")[2] == "testing"}
        under_host = self.code.reached_from(starts | {name for name in self.code.packages if name not in testing})
        only_tests = self.code.reached_from(testing) - under_host
        return tuple(module for name, module in self.code.modules.items() if name not in only_tests)

    @cached_property
    def names(self) -> Names | None:
        """The names that it should have: those recorded, else the contract's by directory or distribution."""
        try:
            if self.record is not None:
                return _recorded_names(self.record)
            folder = self.folder.name if self.workspace is None else f"fustor-{self.folder.name}"
            match = _DISTRIBUTION.fullmatch(folder) or _DISTRIBUTION.fullmatch(normalize(self.metadata.name))
            return derive(match[1], match[2]) if match else None
        except FustorNewError:  # no name that the contract allows
            return None

    @cached_property
    def template_owned_modified(self) -> tuple[str, ...]:
        """The template-owned files that are not as they were rendered, or missing."""
        if self.record is None:
            return ()
        try:
            modified = modified_files(self.folder, self.record)
        except FustorNewError:  # rendered by a version that this one does not know
            return ()
        return tuple(path for path in modified if is_template_owned(path) and path != ".copier-answers.yml")

    @cached_property
    def _rendered(self) -> Mapping[str, FileContent]:
        try:
            return rendered_files(self.record) if self.record is not None else {}
        except FustorNewError:
            return {}

    def restored(self, path: str) -> Write | None:
        """Return the change that writes a missing file as it was rendered, if that is known."""
        content = self._rendered.get(path) if not (self.folder / path).exists() else None
        return Write(self.folder / path, None, content.data) if content is not None else None

    @property
    def looks_like_a_driver(self) -> bool:
        """Tell whether this is meant to be a driver, however broken."""
        named = _DIRECTORY.fullmatch(self.folder.name) or _DISTRIBUTION.fullmatch(normalize(self.metadata.name))
        groups = {entry.group for entry in self.metadata.entry_points}
        return bool(
            self.fault
            or named
            or any(map(is_meant_for_hosts, groups))
            or (self.folder / ".copier-answers.yml").exists()
        )

    def target(self, entry: EntryPoint) -> Target:
        """Return what an entry point leads to."""
        module, separator, attribute = entry.value.partition(":")
        name = attribute.partition("[")[0].strip()
        if not separator or not name:
            return Missing("a class (it is no 'module:Class')")
        return self.code.resolve(module.strip(), name.partition(".")[0])

    def requires(self, module: str) -> bool:
        """Tell whether the top-level `module` comes from a distribution that the package requires."""
        return Requirements(map(requirement_name, self.metadata.dependencies)).provides(module)

    def bases_of(self, found: Class) -> set[str]:
        """Return the names of the contract's base classes that a class inherits from."""
        names = {one.name for one in self.code.ancestry(found) if isinstance(one, External)}
        return names & {"SourceDriver", "PusherDriver"}

    def is_wholly_pythons(self, found: Class) -> bool:
        """Tell whether all that a class inherits from is its own or Python's, so that nothing is left to a run."""
        ancestry = self.code.ancestry(found)
        return all(isinstance(one, Class) or (isinstance(one, External) and _is_pythons(one)) for one in ancestry)

    def place(self, path: Path | str = "", line: int = 0) -> str:
        """Return how findings name a file of the package."""
        inside = relative(self.folder / path, self.folder) if path else ""
        joined = "/".join(part for part in (self.shown, inside) if part) or "."
        return f"{joined}:{line}" if line else joined

    @property
    def metadata_place(self) -> str:
        """How findings name the file with its metadata."""
        return self.place(self.metadata.origin or "pyproject.toml")


def is_meant_for_hosts(group: str) -> bool:
    """Tell whether an entry-point group reads as if a host looked for drivers in it."""
    return bool(_MEANT.match(group)) and group not in _ALSO_SCANNED


def _recorded_names(record: Record) -> Names:
    said = {key: value for key, value in record.answers.items() if isinstance(value, str)}
    derived = derive(said.get("kind", ""), said.get("name", ""))
    if said.get("layout") != "standalone":
        return derived
    free = ("distribution", "package", "entry_point", "class_name")
    chosen = {field: said[field] for field in free if field in said}
    # The directory of a project of its own is its author's business.
    return replace(derived, directory="", **chosen)


def relative(path: Path, folder: Path) -> str:
    """Return `path` relative to `folder`, `/`-separated."""
    return os.path.relpath(path, folder).replace(os.sep, "/")


def _is_pythons(target: External) -> bool:
    return target.module.partition(".")[0] in {*sys.stdlib_module_names, "builtins"}
