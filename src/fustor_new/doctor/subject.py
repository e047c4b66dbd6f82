"""A driver package under examination: what it was rendered from, what it should be called, and how findings name it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fustor_new.changes.content import FileContent
from fustor_new.changes.plan import Change
from fustor_new.errors import FustorNewError
from fustor_new.names import Names, derive, normalize
from fustor_new.package.driver import DISTRIBUTION, Package
from fustor_new.template.provenance import (
    Record,
    is_adopted,
    is_template_owned,
    modified_files,
    read_record,
    recorded_names,
    rendered_files,
)
from fustor_new.workspace.root import Workspace

__all__ = ["Subject"]


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
    def is_untouched(self) -> bool:
        """Tell whether every module is as it was rendered: nobody has begun to write the driver."""
        if self.record is None or is_adopted(self.record):
            return False
        try:
            return not any(path.endswith(".py") for path in modified_files(self.folder, self.record))
        except FustorNewError:  # a file cannot be read
            return False

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
