"""What is said of a driver's code by the conformance kit, where it is installed beside this command.

The rules of a driver's code are the contract's, and the kit has them; it is found by an entry-point group, and given
what was parsed here in values of Python's own.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from fustor_new.doctor.finding import Finding, Severity
from fustor_new.doctor.subject import Subject
from fustor_new.package.code import Class, External

__all__ = ["JUDGES", "code_findings", "is_judged"]

JUDGES = "fustor_new.doctor"
"""The group: each value is a function as `fustor_conformance.written.doctor.examine`."""


def is_judged(group: str = JUDGES) -> bool:
    """Tell whether anything judges the code of drivers here."""
    return bool(entry_points(group=group))


def code_findings(package: Subject, group: str = JUDGES) -> list[Finding]:
    """Return what all judges of code find in a package."""
    judges = [entry.load() for entry in entry_points(group=group)]
    return [_finding(package, one) for judge in judges for one in _asked(judge, package)]


def _asked(judge: Callable[..., list[Mapping[str, Any]]], package: Subject) -> list[Mapping[str, Any]]:
    return judge(
        {str(module.path): module.tree for module in package.code.modules.values()},
        {str(module.path) for module in package.runtime},
        list(_drivers(package)),
        package.code.packages,
        package.metadata.version,
    )


def _drivers(package: Subject) -> Iterator[tuple[str, list[tuple[str, object]], list[str]]]:
    """Yield each driver's kind, the classes of its own that make it up, and the modules of all other bases."""
    for kind, found in package.classes:
        ancestry = package.code.ancestry(found)
        own = [(str(one.module.path), one.node) for one in ancestry if isinstance(one, Class)]
        others = [one.module if isinstance(one, External) else "" for one in ancestry if not isinstance(one, Class)]
        yield kind, [*own], others


def _finding(package: Subject, said: Mapping[str, Any]) -> Finding:
    severity = Severity.ERROR if said["level"] == "MUST" else Severity.WARNING
    place = package.place(said["place"], said["line"])
    return Finding(said["id"], said["name"], severity, place, said["what"], said["fix"])
