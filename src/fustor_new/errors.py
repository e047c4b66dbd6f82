"""Errors, classed by the exit code a command ends with.

FustorNewError
├── UsageProblem         2  the command line does not make sense
├── NameRefused          3  choose another name
├── TargetConflict       4  something else is in the way
├── WorkspaceError       5  the workspace is missing, unreadable, or excludes the path
├── MergeConflict        6  an update needs a decision
├── EnvironmentProblem   7  uv, git, the disk or a lock
└── NotConformant        8  a driver breaks the contract

A message is one line: what, the value, what to do.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

__all__ = [
    "EXIT_CODES",
    "EnvironmentProblem",
    "FustorNewError",
    "MergeConflict",
    "NameRefused",
    "NotConformant",
    "TargetConflict",
    "UsageProblem",
    "WorkspaceError",
    "disk_allows",
]

EXIT_CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "done, or nothing to do",
        1: "a bug (traceback)",
        2: "usage",
        3: "name refused",
        4: "target conflict",
        5: "workspace missing, unreadable or excluding",
        6: "merge conflict",
        7: "environment (uv, git, disk, lock)",
        8: "not conformant",
        9: "connection or configuration check failed",
        10: "done, but rows or deletions were refused",
        11: "to do: a method of the driver is not written yet",
        129: "interrupted (SIGHUP)",
        130: "interrupted (Ctrl-C)",
        143: "interrupted (SIGTERM)",
    }
)
"""What each exit code means, the same for every command of the project."""


class FustorNewError(Exception):
    """Anything a command reports in one line; `exit_code` is what the process ends with."""

    exit_code: ClassVar[int] = 1


class UsageProblem(FustorNewError):  # noqa: N818 - the caller made no error, the command line has a problem
    """The command line does not make sense."""

    exit_code = 2


class NameRefused(FustorNewError):  # noqa: N818 - named for what happened
    """A name cannot be used; the message says why and suggests another."""

    exit_code = 3


class TargetConflict(FustorNewError):  # noqa: N818 - named for what happened
    """Something else is where the new files would go; the message names it."""

    exit_code = 4


class WorkspaceError(FustorNewError):
    """The workspace is missing, unreadable, or excludes the new path."""

    exit_code = 5


class MergeConflict(FustorNewError):  # noqa: N818 - named for what happened
    """An update touches what the author changed as well."""

    exit_code = 6


class EnvironmentProblem(FustorNewError):  # noqa: N818 - named for what happened
    """uv, git, the disk or a lock stands in the way."""

    exit_code = 7


class NotConformant(FustorNewError):  # noqa: N818 - named for what was found
    """A driver breaks the contract."""

    exit_code = 8


@contextmanager
def disk_allows(
    problem: str = "Cannot read {name!r} ({why}); remedy that and run again", place: Path | None = None
) -> Iterator[None]:
    """Turn what the disk does not allow inside the block into an EnvironmentProblem in the words of `problem`.

    `place` is named where the error itself names no file.
    """
    try:
        yield
    except OSError as err:
        raise EnvironmentProblem(problem.format(name=err.filename or str(place), why=err.strerror)) from err
