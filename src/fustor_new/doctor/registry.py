"""The table of checks: each is a small function with an identity that never changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TypeVar

from fustor_new.doctor.code_findings import code_findings
from fustor_new.doctor.finding import Fault, Finding, Severity
from fustor_new.doctor.subject import Root, Subject

__all__ = ["Check", "all_checks", "examine_package", "examine_root", "package_check", "root_check"]

_MODULES = (
    "workspace_checks",
    "member_checks",
    "project_checks",
    "entry_point_checks",
    "import_checks",
    "template_checks",
    "file_checks",
)


@dataclass(frozen=True)
class Check:
    """One rule: what must hold, why, and how a breach is fixed."""

    id: str
    name: str
    severity: Severity
    rule: str
    why: str
    fix: str
    is_safe: bool
    """Whether `--fix` may fix a breach (it may still say that it cannot in a certain case)."""

    def report(self, faults: Iterator[Fault], place: str = ".") -> Iterator[Finding]:
        """Yield the faults as findings of this check; `place` is where what is examined lies."""
        try:
            for fault in faults:
                yield self._finding(fault)
        except RecursionError:  # what a file says is nested too deeply for whatever walks it
            yield self._finding(Fault(place, "It cannot be judged: something in it is nested too deeply"))

    def _finding(self, fault: Fault) -> Finding:
        fix = fault.fix or self.fix
        return Finding(self.id, self.name, self.severity, fault.place, fault.what, fix, fault.repair)


RootCheck = Callable[[Root], Iterator[Fault]]
PackageCheck = Callable[[Subject], Iterator[Fault]]
Function = TypeVar("Function", RootCheck, PackageCheck)
_ROOT: dict[Check, RootCheck] = {}
_PACKAGE: dict[Check, PackageCheck] = {}


def _entering(
    table: dict[Check, Function], name: str, severity: Severity, *, rule: str, why: str, fix: str, is_safe: bool = False
) -> Callable[[Function], Function]:
    """A decorator that enters a check; `name` begins with its id, as in `W01-leftovers`."""

    def enter(function: Function) -> Function:
        table[Check(name.partition("-")[0], name, severity, rule, why, fix, is_safe)] = function
        return function

    return enter


root_check = partial(_entering, _ROOT)
"""Enters a check of the workspace."""
package_check = partial(_entering, _PACKAGE)
"""Enters a check of one package."""


def all_checks() -> list[Check]:
    """Return every check, the workspace's first, in the order of their ids."""
    _load()
    return sorted([*_ROOT, *_PACKAGE], key=lambda check: (check.id[0] != "W", check.id))


def examine_root(root: Root) -> list[Finding]:
    """Return what the workspace's checks find."""
    _load()
    found = [finding for check, function in _ROOT.items() for finding in check.report(function(root), ".")]
    return sorted(found, key=lambda one: one.id)


def examine_package(package: Subject) -> list[Finding]:
    """Return what the package's checks find; one that cannot be read is judged by nothing else."""
    _load()
    found = [
        finding for check, function in _PACKAGE.items() for finding in check.report(function(package), package.shown)
    ]
    judged = [one for one in found if one.id == "D01"] if package.fault else [*found, *code_findings(package)]
    return sorted(judged, key=lambda one: one.id)


def _load() -> None:
    for name in _MODULES:
        import_module(f"fustor_new.doctor.{name}")
