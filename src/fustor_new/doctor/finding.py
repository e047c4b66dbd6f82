"""What a check finds, and what may be done about it without asking."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from fustor_new.changes.plan import Change
from fustor_new.workspace.registration import Registration

__all__ = ["Fault", "Finding", "Recover", "Repair", "Severity"]


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Something does not work, or will not on somebody's machine."""
    WARNING = "warning"
    """It works, and should be otherwise."""


@dataclass(frozen=True)
class Recover:
    """Finish or undo what interrupted runs have left in a directory."""

    folder: Path


Repair = Recover | Registration | Change
"""A registration lists a package in the workspace's root, as its siblings are listed."""


@dataclass(frozen=True)
class Fault:
    """What one check saw: where (relative to what is examined), what, and how to fix it if not as the table says."""

    place: str
    what: str
    fix: str = ""
    repair: Repair | None = None


@dataclass(frozen=True)
class Finding:
    """A fault as it is reported, with the check that saw it."""

    id: str
    name: str
    severity: Severity
    place: str
    what: str
    fix: str
    repair: Repair | None = None

    def as_json(self) -> Mapping[str, object]:
        """Return what `--json` says about it."""
        return {
            "id": self.id,
            "name": self.name,
            "severity": self.severity.value,
            "place": self.place,
            "what": self.what,
            "fix": self.fix,
            "fixable": self.repair is not None,
        }
