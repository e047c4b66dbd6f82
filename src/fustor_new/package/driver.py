"""A driver's package on disk: what it says of itself and the code that its entry points lead to, each read once."""

import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fustor_new.errors import FustorNewError
from fustor_new.kinds import ANY_KIND, KIND_OF_GROUP, Kind, is_meant_for_hosts
from fustor_new.names import normalize
from fustor_new.package.code import Class, Code, External, Missing, Module, Target, read_code
from fustor_new.package.descriptions import read_metadata
from fustor_new.package.metadata import EntryPoint, Metadata

__all__ = ["DISTRIBUTION", "Package", "Point"]

DISTRIBUTION = re.compile(rf"fustor-({ANY_KIND})-([a-z0-9-]+)")
"""The distribution of a driver, as the contract spells it: kind and name."""
_DIRECTORY = re.compile(rf"({ANY_KIND})-[a-z0-9-]+")


@dataclass(frozen=True)
class Point:
    """One entry point of a driver, and what it leads to."""

    kind: Kind
    entry: EntryPoint
    target: Target

    @property
    def class_name(self) -> str:
        """The name behind the colon."""
        return self.entry.value.partition(":")[2].partition("[")[0].strip()


@dataclass(frozen=True)
class Package:
    """The package in a directory, whatever describes it; it is never imported."""

    folder: Path

    @cached_property
    def _read(self) -> tuple[Metadata, str]:
        try:
            return read_metadata(self.folder), ""
        except FustorNewError as err:
            return Metadata(self.folder), str(err)
        except OSError as err:
            return Metadata(self.folder), f"Cannot read {err.filename!r} ({err.strerror})"

    @property
    def metadata(self) -> Metadata:
        """What the package says about itself; nothing where that cannot be read."""
        return self._read[0]

    @property
    def fault(self) -> str:
        """Why its metadata cannot be read, or an empty text."""
        return self._read[1]

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
            if isinstance(point.target, Class) and self.bases_of(point.target) & {point.kind.base}
        }
        return tuple((kind, target) for (kind, _, _), target in found.items())

    @cached_property
    def kind(self) -> str:
        """`source` or `pusher`, from its entry points, else from its name; empty if neither says."""
        if self.points:
            return self.points[0].kind
        named = DISTRIBUTION.fullmatch(normalize(self.metadata.name)) or _DIRECTORY.fullmatch(self.folder.name)
        return named[1] if named else ""

    @cached_property
    def runtime(self) -> tuple[Module, ...]:
        """The modules that run under a host: all but those that only a `testing` module brings in."""
        starts = {point.entry.value.partition(":")[0].strip() for point in self.points}
        testing = {name for name in self.code.modules if name.rpartition(".")[2] == "testing"}
        under_host = self.code.reached_from(starts | {name for name in self.code.packages if name not in testing})
        only_tests = self.code.reached_from(testing) - under_host
        return tuple(module for name, module in self.code.modules.items() if name not in only_tests)

    @property
    def looks_like_a_driver(self) -> bool:
        """Tell whether this is meant to be a driver, however broken."""
        named = _DIRECTORY.fullmatch(self.folder.name) or DISTRIBUTION.fullmatch(normalize(self.metadata.name))
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
            return Missing("a class (it is not 'module:Class')")
        return self.code.resolve(module.strip(), name.partition(".")[0])

    def bases_of(self, found: Class) -> set[str]:
        """Return the names of the contract's base classes that a class inherits from."""
        names = {one.name for one in self.code.ancestry(found) if isinstance(one, External)}
        return names & {kind.base for kind in Kind}

    def is_wholly_pythons(self, found: Class) -> bool:
        """Tell whether all that a class inherits from is its own or Python's, so that nothing is left to a run."""
        others = [one for one in self.code.ancestry(found) if not isinstance(one, Class)]
        pythons = {*sys.stdlib_module_names, "builtins"}
        return all(isinstance(one, External) and one.module.partition(".")[0] in pythons for one in others)
