"""What the doctor says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["WHEELS", "Finding", "Level"]

WHEELS = "WHEELS"
"""Stands in commands for the directory with the wheels of this project."""


class Level(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and what to do."""

    level: Level
    subject: str
    text: str
    remedy: str
    detail: str = ""
    command: str = ""
    """The one command that mends it, where one does; `WHEELS` in it is the directory of this project's wheels."""
