"""`fustor-new list`: the drivers around here, and what is known of each without importing it."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path
from typing import Any

from fustor_new._output import plural, printable, reporting, say, say_data, shortened, warn
from fustor_new.errors import FustorNewError
from fustor_new.options import ListOptions
from fustor_new.package.metadata import Metadata
from fustor_new.package.verdicts import Conformance, read_verdicts, sources_digest
from fustor_new.template.history import template_version
from fustor_new.workspace.drivers import driver_packages, package_around
from fustor_new.workspace.finding import find_workspace, starting_point, workspace_above
from fustor_new.workspace.installing import is_left_out
from fustor_new.workspace.root import Membership, Standing, Workspace

__all__ = ["JSON_SCHEMA_VERSION", "Row", "rows", "run"]

JSON_SCHEMA_VERSION = 1
_WIDEST_CELL = 60
_HEADINGS = ("driver", "version", "registered", "template", "modified", "conformance", "directory")


@dataclass(frozen=True)
class Row:
    """One driver. `membership` is None outside of a workspace; `modified` None where nothing is recorded."""

    label: str
    kind: str
    name: str
    package: Metadata
    directory: str
    membership: Membership | None
    is_left_out: bool
    """It is a member, and the command that installs the others does not install it."""
    template_version: str | None
    modified: tuple[str, ...] | None
    conformance: tuple[Conformance, ...]
    sources: str
    problem: str

    @property
    def is_behind(self) -> bool:
        """Tell whether the template has a newer version than the one it was rendered from."""
        from packaging.version import Version  # noqa: PLC0415 - only where there is something to compare

        return self.template_version is not None and Version(self.template_version) < Version(template_version())

    def as_dict(self) -> dict[str, Any]:
        """The row for programs."""
        membership = self.membership
        installed = membership.is_member and not self.is_left_out if membership else None
        return {
            "driver": self.label,
            "kind": self.kind,
            "name": self.name,
            "distribution": self.package.name,
            "version": self.package.version or None,
            "directory": self.directory,
            "registered": installed,
            "registration": membership
            and {"verdict": membership.standing.value, "pattern": membership.pattern, "installed": installed},
            "template_version": self.template_version,
            "template_behind": self.is_behind if self.template_version else None,
            "modified": None if self.modified is None else list(self.modified),
            "conformance": [
                {key: value for key, value in asdict(one).items() if key not in {"kind", "name", "sources"}}
                | {"stale": one.sources != self.sources}
                for one in self.conformance
            ],
            "problem": self.problem or None,
        }

    def cells(self) -> tuple[str, ...]:
        """The row for people, under the headings."""
        behind = f" (behind {template_version()})" if self.is_behind else ""
        modified = "none" if self.modified == () else plural(len(self.modified), "file") if self.modified else "-"
        cells = (
            self.label,
            self.package.version or "-",
            "no, not in the dev extra" if self.is_left_out else _registered(self.membership),
            f"{self.template_version}{behind}" if self.template_version else "-",
            modified,
            ", ".join(self._verdicts()) or "-",
        )
        shown = (*(shortened(cell, _WIDEST_CELL) for cell in cells), self.directory)
        return tuple(printable(cell).replace("\t", "\\t") for cell in shown)

    def _verdicts(self) -> Iterator[str]:
        for one in self.conformance:
            counted = f", {one.exercised} of {one.rules} rules" if None not in (one.exercised, one.rules) else ""
            stale = ", stale" if one.sources != self.sources else ""
            yield f"{one.outcome}{counted} ({one.profile}{stale})"


def run(options: ListOptions) -> None:
    """Print the drivers of the workspace that is named or around here, or the one standalone package around here.

    Raises:
        WorkspaceError: there is neither.
    """
    workspace = workspace_above(starting_point(options.workspace))
    found, problems = rows(workspace)
    with reporting("nothing was to be changed"):
        if options.json:
            say_data(_as_json(workspace, found, problems))
        else:
            _print(found)
            for problem in problems:
                warn(problem)


def rows(workspace: Workspace | None) -> tuple[list[Row], list[str]]:
    """Return a row for each driver, and a line for each package that cannot be read.

    Raises:
        WorkspaceError: there is neither a workspace nor a driver's package around here.
    """
    packages = list(driver_packages(workspace)) if workspace else []
    here = package_around(Path.cwd())
    if here and here.folder not in {one.folder for one in packages if isinstance(one, Metadata)}:
        packages.append(here)
    if workspace is None and not packages:
        find_workspace(Path.cwd())  # it says what is missing
    found = [row for one in packages if isinstance(one, Metadata) for row in _rows(one, workspace)]
    return found, [str(one) for one in packages if not isinstance(one, Metadata)]


def _rows(package: Metadata, workspace: Workspace | None) -> Iterator[Row]:
    template_version, modified, problem = _provenance(package.folder)
    verdicts = read_verdicts(package.folder)
    sources = _digest(package.folder) if verdicts else ""
    membership = _membership(package.folder, workspace) if workspace else None
    directory = os.path.relpath(package.folder, workspace.root) if workspace and membership else str(package.folder)
    for (kind, name), label in zip(package.drivers, package.labels, strict=True):
        own = tuple(one for one in verdicts if (one.kind, one.name.replace("-", "_")) == (kind, name.replace("-", "_")))
        yield Row(
            label,
            kind,
            name,
            package,
            directory,
            membership,
            bool(workspace and membership and membership.is_member and is_left_out(workspace, package.name)),
            template_version,
            modified,
            own,
            sources,
            problem,
        )


def _membership(folder: Path, workspace: Workspace) -> Membership | None:
    """Return what the workspace says of a directory that is in it; its root is a member of every workspace."""
    if folder == workspace.root:
        return Membership(Standing.LISTED, ".")
    membership = workspace.membership(folder)
    return membership if membership.is_member or folder.is_relative_to(workspace.root) else None


def _digest(folder: Path) -> str:
    try:
        return sources_digest(folder)
    except OSError:  # what cannot be read cannot be what was judged
        return ""


def _provenance(folder: Path) -> tuple[str | None, tuple[str, ...] | None, str]:
    """Return the recorded template version, the modified files, and why they are not known."""
    from fustor_new.template.provenance import modified_files, read_record  # noqa: PLC0415 - takes its time to import

    version: str | None = None
    try:
        record = read_record(folder)
        if record is None:
            return None, None, ""
        version = record.template_version
        return version, modified_files(folder, record), ""
    except FustorNewError as err:
        return version, None, str(err)


def _registered(membership: Membership | None) -> str:
    if membership is None:
        return "standalone"
    words = {
        Standing.LISTED: "yes, listed",
        Standing.COVERED: f"yes, by {membership.pattern}",
        Standing.EXCLUDED: f"no, excluded by {membership.pattern}",
        Standing.ABSENT: "no",
    }
    return words[membership.standing]


def _as_json(workspace: Workspace | None, found: Sequence[Row], problems: Sequence[str]) -> str:
    data: Mapping[str, Any] = {
        "schema": JSON_SCHEMA_VERSION,
        "workspace": str(workspace.root) if workspace else None,
        "template": template_version(),
        "drivers": [row.as_dict() for row in found],
        "problems": list(problems),
    }
    return dumps(data, indent=2)


def _print(found: Sequence[Row]) -> None:
    if not found:
        say("No drivers here; `fustor-new source NAME` creates one")
    elif sys.stdout is not None and sys.stdout.isatty():
        from fustor_new.console import show_table  # noqa: PLC0415 - rich is for people

        show_table(_HEADINGS, [row.cells() for row in found])
    else:
        say(*_aligned([_HEADINGS, *(row.cells() for row in found)]))
    for row in found:
        if row.problem:
            warn(f"{row.label}: {row.problem}")


def _aligned(table: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
