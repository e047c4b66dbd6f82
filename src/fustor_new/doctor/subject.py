"""What is examined: a driver package, beside what it was rendered from, and a workspace with all that belongs to it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from fustor_new._reading import is_directory
from fustor_new._toml import table, text
from fustor_new.changes.content import FileContent
from fustor_new.changes.plan import Change
from fustor_new.errors import FustorNewError
from fustor_new.names import Names, derive, normalize
from fustor_new.package.descriptions import holds_package
from fustor_new.package.driver import DISTRIBUTION, Package
from fustor_new.template.provenance import (
    Record,
    is_adopted,
    is_template_owned,
    likely_distribution,
    modified_files,
    read_record,
    recorded_names,
    rendered_files,
)
from fustor_new.workspace.root import Workspace

__all__ = ["Root", "Subject"]


@dataclass(frozen=True)
class Subject(Package):
    """A package as it is examined: `shown` in findings, and the workspace that it belongs to, if any."""

    shown: str
    workspace: Workspace | None = None

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
    def names(self) -> Names | None:
        """The names that it should have: those recorded, else the contract's by directory or distribution."""
        try:
            if self.record is not None:
                return recorded_names(self.record)
            folder = self.folder.name if self.workspace is None else f"fustor-{self.folder.name}"
            match = DISTRIBUTION.fullmatch(folder) or DISTRIBUTION.fullmatch(normalize(self.metadata.name))
            return derive(match[1], match[2]) if match else None
        except FustorNewError:  # no name that the contract allows
            return None

    @cached_property
    def _modified(self) -> tuple[str, ...] | None:
        """The files that are not as they were rendered, or missing; None where nobody can tell."""
        try:
            return modified_files(self.folder, self.record) if self.record is not None else None
        except FustorNewError:  # a file cannot be read
            return None

    @cached_property
    def is_untouched(self) -> bool:
        """Tell whether every module is as it was rendered: nobody has begun to write the driver."""
        if self.record is None or is_adopted(self.record) or self._modified is None:
            return False
        return not any(path.endswith(".py") for path in self._modified)

    @cached_property
    def template_owned_modified(self) -> tuple[str, ...]:
        """The template-owned files that are not as they were rendered, or missing."""
        modified = self._modified or ()
        return tuple(path for path in modified if is_template_owned(path) and path != ".copier-answers.yml")

    @cached_property
    def _rendered(self) -> Mapping[str, FileContent]:
        try:
            return rendered_files(self.record) if self.record is not None else {}
        except FustorNewError:
            return {}

    def restored(self, path: str) -> Change | None:
        """Return the change that writes a missing file as it was rendered, if that is known."""
        content = self._rendered.get(path) if not (self.folder / path).exists() else None
        return Change(self.folder / path, None, content) if content is not None else None

    def place(self, path: Path | str = "", line: int = 0) -> str:
        """Return how findings name a file of the package."""
        inside = os.path.relpath(self.folder / path, self.folder).replace(os.sep, "/") if path else ""
        joined = "/".join(part for part in (self.shown, inside) if part) or "."
        return f"{joined}:{line}" if line else joined

    @property
    def metadata_place(self) -> str:
        """How findings name the file with its metadata."""
        return self.place(self.metadata.origin or "pyproject.toml")


@dataclass(frozen=True)
class Root:
    """A workspace with all that belongs to it, or should."""

    workspace: Workspace

    @cached_property
    def members(self) -> tuple[Subject, ...]:
        """The packages on disk that are members, drivers or not."""
        present = (directory for directory in self.workspace.directories if directory != ".")
        return tuple(self._package(directory) for directory in present if self._has_project(directory))

    @cached_property
    def managed(self) -> tuple[Subject, ...]:
        """The members that uv resolves: without those that say `managed = false`."""
        return tuple(one for one in self.members if one.metadata.is_managed)

    @cached_property
    def hidden(self) -> tuple[Subject, ...]:
        """The drivers that a pattern of `members` finds and one of `exclude` takes out again."""
        found = set(replace(self.workspace, exclude=()).directories) - set(self.workspace.directories)
        packages = (self._package(directory) for directory in sorted(found) if self._has_project(directory))
        return tuple(one for one in packages if one.looks_like_a_driver)

    @cached_property
    def unlisted(self) -> tuple[Subject, ...]:
        """The packages in `extensions/` that are not members."""
        folder = self.workspace.root / "extensions"
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        directories = [f"extensions/{name}" for name in names if not name.startswith(".")]
        members = set(self.workspace.directories)
        return tuple(self._package(one) for one in directories if one not in members and self._has_project(one))

    @cached_property
    def drivers(self) -> tuple[Subject, ...]:
        """Every driver, member or not."""
        return tuple(one for one in (*self.members, *self.unlisted) if one.looks_like_a_driver)

    @cached_property
    def distributions(self) -> Mapping[str, str]:
        """The directories of the members, and of the root if it is a package, by normalised distribution."""
        named = {normalize(one.metadata.name): one.shown for one in reversed(self.managed) if one.metadata.name}
        own = text(table(self.workspace.data, "project"), "name")
        return named | ({normalize(own): "."} if own else {})

    @cached_property
    def unreadable(self) -> frozenset[str]:
        """The likely distributions, normalised, of what is a member and says nothing that can be read."""
        root = self.workspace.root
        broken = [one.folder for one in self.members if one.fault]
        missing = [root / one for one in self.workspace.directories if one != "." and not self._has_project(one)]
        there = [one for one in (*broken, *missing) if is_directory(one)]
        return frozenset(normalize(name) for one in there for name in (likely_distribution(one), one.name))

    def _package(self, directory: str) -> Subject:
        return Subject(self.workspace.root / directory, directory, self.workspace)

    def _has_project(self, directory: str) -> bool:
        return holds_package(self.workspace.root / directory)
