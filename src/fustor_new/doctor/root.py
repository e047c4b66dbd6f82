"""A workspace's root and the packages that are its members, or should be."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from fustor_new._reading import is_directory
from fustor_new.doctor.subject import Subject
from fustor_new.names import normalize
from fustor_new.package.descriptions import holds_package
from fustor_new.template.provenance import likely_distribution
from fustor_new.workspace.root import Workspace

__all__ = ["Root"]


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
        own = self.workspace.data.get("project", {})
        own_name = own.get("name") if isinstance(own, dict) else None
        return named | ({normalize(own_name): "."} if isinstance(own_name, str) else {})

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
