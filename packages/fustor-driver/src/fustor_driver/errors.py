"""What the command says in one line, classed by its exit code.

FustorDriverError      a known problem
├── UsageProblem         2  the command line cannot mean anything
├── EnvironmentProblem   7  a driver, a package or a file is missing or does not load
├── NotConformant        8  a driver broke the contract while it ran
│   └── DriverFault      8  it raised what is no DriverError
├── CheckFailed          9  the configuration is wrong, or the other side cannot be reached
│   └── ConfigurationProblem  9  field by field
├── Refused             10  done, but the pusher refused rows or deletions
└── Unwritten           11  a method of a driver is still to be written
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "EXIT_CODES",
    "CheckFailed",
    "ConfigurationProblem",
    "DriverFault",
    "EnvironmentProblem",
    "FieldProblem",
    "FustorDriverError",
    "NotConformant",
    "Refused",
    "Unwritten",
    "UsageProblem",
    "system_allows",
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
"""The project's one table of exit codes; this command uses 0, 1, 2, 7 to 11, 130 and 143."""


class FustorDriverError(Exception):
    """A known problem: one line for the user and the exit code of the command."""

    exit_code: int = 1


class UsageProblem(FustorDriverError):  # noqa: N818 - named for what the user does next, as in fustor-new
    """The command line cannot mean anything as it stands."""

    exit_code = 2


class EnvironmentProblem(FustorDriverError):  # noqa: N818 - named for what the user does next, as in fustor-new
    """A driver, a package or a file that is needed is missing or does not load."""

    exit_code = 7


@contextmanager
def system_allows(what: str, way_out: str = "") -> Iterator[None]:
    """What the system does not allow inside the block is an EnvironmentProblem: `what` fails, why, and the way out."""
    try:
        yield
    except OSError as err:
        raise EnvironmentProblem("; ".join(filter(None, (f"{what}: {err.strerror or err}", way_out)))) from err


class NotConformant(FustorDriverError):  # noqa: N818 - named for what the user does next, as in fustor-new
    """A driver did what no host can go on from; the contract forbids it."""

    exit_code = 8


class DriverFault(NotConformant):
    """A driver raised an exception that is no DriverError."""


class CheckFailed(FustorDriverError):  # noqa: N818 - named for what the user does next, as in fustor-new
    """The configuration is wrong, or the other side cannot be reached."""

    exit_code = 9


class Refused(FustorDriverError):  # noqa: N818 - named for what happened, as the others here
    """Everything was done, but for rows or deletions that the pusher refused."""

    exit_code = 10


class Unwritten(FustorDriverError):  # noqa: N818 - named for what the user does next, as the others here
    """A method of a driver is still to be written."""

    exit_code = 11


@dataclass(frozen=True)
class FieldProblem:
    """One mistake in a configuration: the dotted path of the field, and what is wrong with it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class ConfigurationProblem(CheckFailed):
    """Mistakes in a configuration, one line for each field."""

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
